// What is chosen about a powerlist: in the dialog that makes one and in its settings.
import { Select, Stack, Textarea, TextInput } from "@mantine/core";
import type { UseFormReturnType } from "@mantine/form";
import { useMemo } from "react";
import type { PowerlistSettings } from "../../api/contacts";
import { countryOptions } from "../../components/countries";

export const blankPowerlist: PowerlistSettings = {
  name: "",
  description: "",
  default_country: "US",
};

export function PowerlistFields({ form }: { form: UseFormReturnType<PowerlistSettings> }) {
  const countries = useMemo(countryOptions, []);
  return (
    <Stack gap="md">
      <TextInput
        label="Name"
        placeholder="January prospects"
        required
        data-autofocus
        autoComplete="off"
        {...form.getInputProps("name")}
      />
      <Textarea
        label="Description"
        description="Who is on it, and what for."
        autosize
        minRows={2}
        maxRows={6}
        {...form.getInputProps("description")}
      />
      <Select
        label="Default country"
        description="Phone numbers without a country code, such as (202) 555-0187, are read as of there."
        data={countries}
        searchable
        allowDeselect={false}
        nothingFoundMessage="No such country"
        {...form.getInputProps("default_country")}
      />
    </Stack>
  );
}
