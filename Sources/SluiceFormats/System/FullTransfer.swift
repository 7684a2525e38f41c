internal import Glibc

/// Writes a whole buffer, however many calls that takes.
///
/// - Parameters:
///   - descriptor: The file.
///   - bytes: What to write.
///   - offset: Where in the file.
///   - path: The path of the file.
/// - Returns: 0, or the errno value of the call that failed.
func writeFully(
  _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int, path: String
) -> Int32 {
  guard let observer = FileCalls.observer(of: path) else {
    return unsafe writeFully(descriptor, bytes, at: offset)
  }
  let call = FileCall(kind: .write, path: path, range: offset..<offset + bytes.count)
  if let fault = observer.fault(in: call) {
    let count = min(fault.writtenByteCount, bytes.count)
    // Safety: a part of the caller's buffer.
    _ = unsafe writeFully(
      descriptor, UnsafeRawBufferPointer(rebasing: bytes[..<count]), at: offset)
    return fault.number
  }
  let number = unsafe writeFully(descriptor, bytes, at: offset)
  if number == 0 { observer.didSucceed(call) }
  return number
}

private func writeFully(
  _ descriptor: Int32, _ bytes: UnsafeRawBufferPointer, at offset: Int
) -> Int32 {
  guard let start = bytes.baseAddress else { return 0 }
  var done = 0
  while done < bytes.count {
    // Safety: the pointer and the rest of the length stay inside the caller's buffer.
    let count = unsafe pwrite(descriptor, start + done, bytes.count - done, off_t(offset + done))
    if count > 0 {
      done += count
    } else if count == 0 {
      return EIO
    } else if errno != EINTR {
      return errno
    }
  }
  return 0
}

/// Fills a whole buffer, however many calls that takes.
///
/// - Parameters:
///   - descriptor: The file.
///   - buffer: Where to put the bytes.
///   - offset: Where in the file.
///   - path: The path to name in errors.
/// - Throws: If a call fails or the file ends too early.
func readFully(
  _ descriptor: Int32, into buffer: UnsafeMutableRawBufferPointer, at offset: Int, path: String
) throws(FormatError) {
  guard let start = buffer.baseAddress else { return }
  let range = offset..<offset + buffer.count
  var done = 0
  while done < buffer.count {
    // Safety: the pointer and the rest of the length stay inside the caller's buffer.
    let count = unsafe pread(descriptor, start + done, buffer.count - done, off_t(offset + done))
    if count > 0 {
      done += count
    } else if count == 0 {
      throw .shortRead(path, range: range, found: done)
    } else if errno != EINTR {
      throw .read(path, range: range, errno: errno)
    }
  }
}
