internal import Glibc
internal import Synchronization

/// A call that changes what a disk holds.
package struct FileCall: Sendable, Hashable {
  /// The kinds of calls.
  package enum Kind: String, Sendable, Hashable, CaseIterable {
    case create, reserve, write, truncate, sync, rename, remove
  }

  /// The kind.
  package let kind: Kind
  /// The file or directory; of a rename, the new name.
  package let path: String
  /// The bytes written.
  package var range = 0..<0
}

/// How a call is made to fail.
package struct FileFault: Sendable, Hashable {
  /// The system's error number.
  package let number: Int32
  /// How many bytes of a write reach the file before it fails.
  package let writtenByteCount: Int

  /// Describes a fault.
  package init(_ number: Int32, writtenByteCount: Int = 0) {
    self.number = number
    self.writtenByteCount = writtenByteCount
  }
}

/// Sees the calls below a directory and may make them fail: how tests put full disks, broken disks
/// and sudden ends at every call of a run.
package protocol FileCallObserver: Sendable {
  /// Asked before a call, on the thread that makes it; nil lets it happen.
  func fault(in call: FileCall) -> FileFault?
  /// Told after a call that succeeded.
  func didSucceed(_ call: FileCall)
}

/// Where the module's calls that change a disk pass through.
///
/// Without observers, that is outside of tests, the cost is one look at an atomic number.
package enum FileCalls {
  private static let observerCount = Atomic<Int>(0)
  private static let observers = Mutex<[String: any FileCallObserver]>([:])

  /// Lets an observer see the calls below a directory.
  package static func observe(under directory: String, by observer: any FileCallObserver) {
    observers.withLock { $0[directory] = observer }
    observerCount.wrappingAdd(1, ordering: .releasing)
  }

  /// Ends an observation.
  package static func endObservation(under directory: String) {
    observers.withLock { _ = $0.removeValue(forKey: directory) }
    observerCount.wrappingSubtract(1, ordering: .releasing)
  }

  /// Makes a call, again for as long as signals interrupt it.
  ///
  /// - Parameters:
  ///   - kind: What it does.
  ///   - path: The file or directory; of a rename, the new name.
  ///   - body: The call; gives 0 or an errno value.
  /// - Returns: What the call gave, or the number of the fault in its place.
  static func perform(
    _ kind: FileCall.Kind, _ path: String, _ body: () -> Int32
  ) -> Int32 {
    while true {
      let number = performOnce(kind, path, body)
      if number != EINTR { return number }
    }
  }

  private static func performOnce(
    _ kind: FileCall.Kind, _ path: String, _ body: () -> Int32
  ) -> Int32 {
    guard let observer = observer(of: path) else { return body() }
    let call = FileCall(kind: kind, path: path)
    if let fault = observer.fault(in: call) { return fault.number }
    let number = body()
    if number == 0 { observer.didSucceed(call) }
    return number
  }

  /// Who sees the calls on a path.
  static func observer(of path: String) -> (any FileCallObserver)? {
    guard observerCount.load(ordering: .acquiring) > 0 else { return nil }
    return observers.withLock { observers in
      observers.first { path == $0.key || path.hasPrefix($0.key + "/") }?.value
    }
  }
}
