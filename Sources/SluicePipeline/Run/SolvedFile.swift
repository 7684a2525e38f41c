internal import Glibc
internal import SluiceCore

/// The file of solved weights: F32, at the places that the plan gives them, in any order.
final class SolvedFile: Sendable {
  let path: String
  private let descriptor: Int32

  init(path: String, byteCount: Int) throws(PipelineError) {
    self.path = path
    // SAFETY: the path is a C string for the length of the call.
    descriptor = unsafe open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o666)
    guard descriptor >= 0, ftruncate(descriptor, off_t(byteCount)) == 0 else {
      throw SolvedFile.failure(path, "create")
    }
  }

  deinit { if descriptor >= 0 { _ = close(descriptor) } }

  func write(
    _ values: UnsafePointer<Float>, count: Int, at offset: Int
  ) throws(PipelineError) {
    // SAFETY: the caller guarantees `count` numbers.
    let bytes = unsafe UnsafeRawPointer(values)
    var done = 0
    while done < count * 4 {
      let written = unsafe pwrite(
        descriptor, bytes + done, count * 4 - done, off_t(offset + done))
      if written < 0, errno == EINTR { continue }
      guard written > 0 else { throw SolvedFile.failure(path, "write") }
      done += written
    }
  }

  private static func failure(_ path: String, _ what: String) -> PipelineError {
    PipelineError(
      Failure(
        .inputOutput, subject: Subject(file: path), message: "cannot \(what) the solved weights",
        systemError: errno))
  }
}
