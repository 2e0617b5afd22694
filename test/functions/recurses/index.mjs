// Recurses without end.
export const handler = async () => {
  const deeper = () => deeper() + 1
  return deeper()
}
