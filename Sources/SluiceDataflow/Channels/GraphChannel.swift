/// How busy a channel was.
public struct ChannelMetrics: Sendable, Hashable {
  /// The name of the channel.
  public let name: String
  /// How many elements it can hold.
  public let capacity: Int
  /// How many elements were sent.
  public let sentCount: Int
  /// How many elements were received.
  public let receivedCount: Int
  /// The most elements that it held at one time.
  public let peakCount: Int
  /// The time that senders waited for room, summed over them: its readers are slow.
  public let sendBlockedSeconds: Double
  /// The time that receivers waited for elements, summed over them: its writers are slow.
  public let receiveBlockedSeconds: Double
}

/// What a ``Graph`` needs of a channel in order to close it when the nodes at its ends have ended.
public protocol GraphChannel: AnyObject, Sendable {
  /// The name of the channel.
  var name: String { get }

  /// How busy it was up to now.
  var metrics: ChannelMetrics { get }

  /// Ends the sending, for all senders; a second call does nothing.
  func close()

  /// Ends the receiving, for all receivers, and drops what is left.
  ///
  /// - Returns: How many elements were left.
  func abandon() -> Int
}
