/** Steps of one story as subtests. A step that fails ends the story: the next ones stand on it. */
export function story(t) {
  return async (name, act) => {
    let failed = true;
    await t.test(name, async () => {
      await act();
      failed = false;
    });
    if (failed) throw new Error(`the story ended at: ${name}`);
  };
}
