internal import Glibc

/// The files in which the kernel says things: without a length of their own, and short.
enum KernelTextFile {
  /// The first 16 KiB of a file as text, or nil if it cannot be read.
  static func text(_ path: String) -> String? {
    // Safety: the path is a C string for the length of the call.
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { return nil }
    defer { close(descriptor) }
    var bytes = [UInt8](repeating: 0, count: 1 << 14)
    // Safety: the buffer is used inside the closure only.
    let count = unsafe bytes.withUnsafeMutableBytes {
      unsafe read(descriptor, $0.baseAddress, $0.count)
    }
    return count > 0 ? String(decoding: bytes[..<count], as: UTF8.self) : nil
  }
}
