import Glibc
import Synchronization

/// Runs a piece of work on several threads of its own and waits for all of them.
///
/// Blocking reads and long computation would starve the cooperative pool of Swift's tasks, so they get
/// plain threads.
/// - Parameters:
///   - count: how many threads.
///   - body: the work; its argument is the thread's number from 0.
/// - Throws: the first error that any thread threw, after all have ended.
public func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) throws -> Void) throws {
  let failures = Failures()
  var threads: [pthread_t] = []
  for number in 0..<count {
    let work = Work {
      do { try body(number) } catch { failures.add(error) }
    }
    var thread = pthread_t()
    let code = pthread_create(
      &thread, nil,
      { context in
        guard let context else { return nil }
        Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
        return nil
      }, Unmanaged.passRetained(work).toOpaque())
    if code != 0 {
      failures.add(BenchFailure.system("pthread_create", "thread \(number)", code: code))
      break
    }
    threads.append(thread)
  }
  for thread in threads { pthread_join(thread, nil) }
  if let error = failures.first { throw error }
}

/// What a new thread is handed.
private final class Work: Sendable {
  let body: @Sendable () -> Void
  init(_ body: @escaping @Sendable () -> Void) { self.body = body }
}

/// The errors of several threads.
private final class Failures: Sendable {
  private let errors = Mutex<[any Error]>([])
  func add(_ error: any Error) { errors.withLock { $0.append(error) } }
  var first: (any Error)? { errors.withLock { $0.first } }
}
