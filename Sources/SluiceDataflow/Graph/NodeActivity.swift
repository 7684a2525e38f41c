/// What a node is doing at a moment.
package enum NodeActivity: Int, Sendable, Hashable, CaseIterable {
  /// It works, or waits for something outside of the graph such as a disk.
  case busy
  /// It waits for elements, or reads what they are made of.
  case blockedOnInput
  /// It waits for room for its elements.
  case blockedOnOutput
  /// It waits for a buffer.
  case blockedOnMemory
}

/// Adds up how long a node did what; at each moment it does one thing.
struct ActivityClock: Sendable {
  private var nanoseconds = [Int64](repeating: 0, count: NodeActivity.allCases.count)
  private var lastChange: MonotonicTime
  private(set) var current = NodeActivity.busy

  init(start: MonotonicTime) { lastChange = start }

  /// Notes that from now on the node does something else.
  mutating func change(to activity: NodeActivity, at time: MonotonicTime) {
    nanoseconds[current.rawValue] += time.nanoseconds - lastChange.nanoseconds
    lastChange = time
    current = activity
  }

  /// How long the node did something, up to the last change.
  func seconds(_ activity: NodeActivity) -> Double { Double(nanoseconds[activity.rawValue]) * 1e-9 }
}
