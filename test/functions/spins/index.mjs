// Never gives the processor back.
export const handler = async () => {
  for (;;);
}
