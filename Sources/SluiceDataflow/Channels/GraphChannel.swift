/// What a ``Graph`` needs of a channel in order to close it when the nodes at its ends have ended.
package protocol GraphChannel: AnyObject, Sendable {
  /// The name of the channel.
  var name: String { get }

  /// What crossed it up to now.
  var metrics: EdgeMetrics { get }

  /// Ends the sending, for all senders; a second call does nothing.
  func close()

  /// Ends the receiving, for all receivers, and drops what is left.
  func abandon() -> Int
}
