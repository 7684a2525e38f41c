internal import Glibc

/// A thread of its own for work that blocks, visible under its name in `top` and debuggers.
///
/// Whoever starts one joins it.
package final class NamedThread: Sendable {
  /// The name in full; the system shows the first 15 bytes.
  package let name: String
  private let handle: pthread_t

  /// Starts a thread.
  ///
  /// - Parameters:
  ///   - name: The name.
  ///   - stackByteCount: The size of the stack, of which only what is touched takes memory.
  ///   - body: What the thread does.
  /// - Throws: ``DataflowError`` if the system has no thread left.
  package init(
    name: String, stackByteCount: Int = 4 << 20, body: @escaping @Sendable () -> Void
  ) throws(DataflowError) {
    self.name = name
    // Safe: the attributes are local; the start is retained here and released by the new thread,
    // or below if there is none.
    var attributes = pthread_attr_t()
    guard unsafe pthread_attr_init(&attributes) == 0 else {
      throw .threadNotStarted(name, systemError: ENOMEM)
    }
    defer { unsafe pthread_attr_destroy(&attributes) }
    let sized = unsafe pthread_attr_setstacksize(&attributes, stackByteCount)
    precondition(sized == 0, "a stack of \(stackByteCount) bytes is too small")
    let start = unsafe Unmanaged.passRetained(ThreadStart(name: name, body: body))
    var created = pthread_t()
    let status = unsafe pthread_create(&created, &attributes, runThread, start.toOpaque())
    guard status == 0 else {
      unsafe start.release()
      throw .threadNotStarted(name, systemError: status)
    }
    handle = created
  }

  /// Waits until the thread has ended; to be called once, from another thread.
  package func join() {
    let status = pthread_join(handle, nil)
    precondition(status == 0, "thread \(name) cannot be joined: error \(status)")
  }
}

/// What a new thread needs to know.
private final class ThreadStart: Sendable {
  let name: String
  let body: @Sendable () -> Void

  init(name: String, body: @escaping @Sendable () -> Void) {
    self.name = name
    self.body = body
  }
}

private func runThread(_ argument: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
  guard let argument = unsafe argument else { return nil }
  // Safe: the argument is the start that `NamedThread.init` retained for this thread.
  let start = unsafe Unmanaged<ThreadStart>.fromOpaque(argument).takeRetainedValue()
  nameThisThread(start.name)
  start.body()
  return nil
}

/// Tells the system a name for the calling thread; it takes at most 15 bytes.
///
/// - Parameter name: The name, cut at a character where it is too long.
private func nameThisThread(_ name: String) {
  var short = ""
  for character in name where short.utf8.count + character.utf8.count <= 15 {
    short.append(character)
  }
  // Glibc hides its function for this from Swift. A failure only leaves the inherited name.
  // Safe: the path is a literal, and the bytes live through the call.
  let file = unsafe open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
  guard file >= 0 else { return }
  _ = unsafe short.withCString { unsafe write(file, $0, short.utf8.count) }
  _ = close(file)
}
