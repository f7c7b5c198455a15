/**
 * Holds the place of the handler that moves loads to the warehouse. It takes no marker: each stays in the queue,
 * and goes to the dead-letter queue after its last try, from where it can be sent again.
 * @param {{ Records: { messageId: string }[] }} event
 */
export async function handler(event) {
  const reason = "This environment's Lambda is the placeholder: no load can be moved to the warehouse yet.";
  console.error(JSON.stringify({ level: "ERROR", message: reason, left_in_queue: event.Records.length }));
  return { batchItemFailures: event.Records.map(({ messageId }) => ({ itemIdentifier: messageId })) };
}
