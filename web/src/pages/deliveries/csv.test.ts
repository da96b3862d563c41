import { expect, test } from "vitest";
import { deliveriesToCsv } from "./csv";
import { sampleDelivery } from "./sample";

test("one line a delivery; titles cannot become formulas or break lines", () => {
  const text = deliveriesToCsv(
    [sampleDelivery(), sampleDelivery({ id: "dlv_2", webhook_id: "wh_2", last_attempt: null })],
    (id) => (id === "wh_1" ? '=cmd("x"),\nnext' : undefined),
  );
  const [header, ...rows] = text.split("\r\n");
  expect(header).toContain("delivery_id,event_id,event,webhook_id,webhook");
  expect(rows).toEqual([
    `dlv_1,evt_1,call.ended,wh_1,"'=cmd(""x""),\nnext",event,failed,1,rejected,502,answered 502,20,2025-01-15T14:30:00.000Z,2025-01-15T14:30:00.500Z,,2025-01-15T14:30:01.000Z`,
    "dlv_2,evt_1,call.ended,wh_2,,event,failed,1,,,,,2025-01-15T14:30:00.000Z,,,2025-01-15T14:30:01.000Z",
  ]);
});
