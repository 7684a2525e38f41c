import Glibc

/// A number that threads raise and wait for.
public final class CountingSemaphore: Sendable {
  private nonisolated(unsafe) let handle: UnsafeMutablePointer<sem_t>

  /// Makes a semaphore.
  /// - Parameter count: how many may pass before one has to wait.
  public init(_ count: Int) {
    handle = .allocate(capacity: 1)
    sem_init(handle, 0, CUnsignedInt(count))
  }

  deinit {
    sem_destroy(handle)
    handle.deallocate()
  }

  /// Lets one pass.
  public func signal() { sem_post(handle) }

  /// Waits until one may pass.
  public func wait() {
    while sem_wait(handle) != 0 {}
  }
}
