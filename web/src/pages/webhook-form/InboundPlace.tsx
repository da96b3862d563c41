// The place of the other half of the form: webhooks that others post contacts to. It says what will
// be here, since nobody should look for it elsewhere.
import { Text } from "@mantine/core";
import { IconUserDown } from "@tabler/icons-react";
import classes from "./WebhookForm.module.css";

export function InboundPlace() {
  return (
    <div className={classes.inbound} role="note">
      <IconUserDown className={classes.inboundIcon} size={24} stroke={1.6} aria-hidden="true" />
      <div>
        <Text fw={600}>Receiving contacts is not in this version yet</Text>
        <Text c="dimmed" size="sm" mt={4}>
          You will choose a powerlist, and <b>Contact</b>, <b>Contact Delete</b> or both as
          endpoints. Each gets a URL of its own that your CRM posts contacts to: as JSON or as a
          form, with phone number, name, email and whatever fields you add. They are checked, put
          into the powerlist or taken out of it, and counted as hits.
        </Text>
        <Text c="dimmed" size="sm" mt={8}>
          What you fill in above is kept; switch back to “Send to my server” to submit it.
        </Text>
      </div>
    </div>
  );
}
