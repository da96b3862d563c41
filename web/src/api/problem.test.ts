import { expect, test } from "vitest";
import { ApiProblem, fieldErrors, sentence } from "./problem";

function answer(status: number, body: unknown, headers: Record<string, string> = {}): Response {
  return new Response(typeof body === "string" ? body : JSON.stringify(body), { status, headers });
}

test("a problem document keeps code, detail, fields and request id", async () => {
  const problem = await ApiProblem.of(
    answer(422, {
      code: "invalid",
      detail: "the webhook is not valid",
      request_id: "req_1",
      errors: [
        { pointer: "/url", message: "must be https" },
        { pointer: "/retry_delays_s/2", message: "at most a day" },
        { pointer: "/url", message: "must be public" },
      ],
    }),
  );
  expect(problem).toMatchObject({ status: 422, code: "invalid", requestId: "req_1" });
  expect(fieldErrors(problem)).toEqual({
    url: "must be https; must be public",
    retry_delays_s: "at most a day",
  });
  expect(sentence(problem)).toBe("The webhook is not valid.");
  expect(problem.mayPass).toBe(false);
});

test("an answer that is no problem document becomes one", async () => {
  const problem = await ApiProblem.of(
    answer(502, "<html>", { "retry-after": "7", "x-request-id": "req_2" }),
  );
  expect(problem).toMatchObject({ code: "http_502", requestId: "req_2", retryAfterS: 7 });
  expect(problem.mayPass).toBe(true);
});

test("no answer at all is worth another try", () => {
  expect(ApiProblem.unreachable().mayPass).toBe(true);
  expect(fieldErrors(new Error("boom"))).toEqual({});
});
