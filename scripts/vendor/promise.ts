/** A promise with the one method of bluebird that ari-client calls. */
export class CallbackPromise<T> extends Promise<T> {
  /** Also tells a Node-style callback, when there is one. */
  asCallback(callback?: NodeCallback<T>): this {
    if (callback !== undefined) void tell(this, callback);
    return this;
  }
}

type NodeCallback<T> = (error: unknown, value?: T) => void;

async function tell<T>(promise: Promise<T>, callback: NodeCallback<T>): Promise<void> {
  let value: T;
  try {
    value = await promise;
  } catch (error) {
    callback(error);
    return;
  }
  callback(null, value);
}
