/// How busy a channel was.
package struct ChannelMetrics: Sendable, Hashable {
  /// The name of the channel.
  package let name: String
  /// How many elements it can hold.
  package let capacity: Int
  /// How many elements were sent.
  package let sentCount: Int
  /// How many elements were received.
  package let receivedCount: Int
  /// The most elements that it held at one time.
  package let peakCount: Int
  /// The time that senders waited for room, summed over them: its readers are slow.
  package let sendBlockedSeconds: Double
  /// The time that receivers waited for elements, summed over them: its writers are slow.
  package let receiveBlockedSeconds: Double
}

/// What a ``Graph`` needs of a channel in order to close it when the nodes at its ends have ended.
package protocol GraphChannel: AnyObject, Sendable {
  /// The name of the channel.
  var name: String { get }

  /// How busy it was up to now.
  var metrics: ChannelMetrics { get }

  /// Ends the sending, for all senders; a second call does nothing.
  func close()

  /// Ends the receiving, for all receivers, and drops what is left.
  func abandon() -> Int
}
