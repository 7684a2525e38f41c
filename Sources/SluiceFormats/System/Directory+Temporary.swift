internal import Glibc

extension Directory {
  /// Makes a directory of one's own for what is needed only while the process runs.
  ///
  /// - Parameter name: What its name begins with.
  /// - Returns: Its path, in `$TMPDIR` or `/tmp`; nobody else may look into it.
  /// - Throws: If it cannot be made.
  package static func createTemporary(_ name: String) throws(FormatError) -> String {
    // Safety: the environment is only read, and the text is copied at once.
    let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
    let pattern = "\(parent.isEmpty ? "/tmp" : parent)/\(name).XXXXXX"
    var bytes = Array(pattern.utf8CString)
    // Safety: the buffer ends with a zero, and the call changes nothing but the six letters.
    let isMade = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.map { unsafe mkdtemp($0) != nil } ?? false
    }
    guard isMade else { throw .create(pattern, errno: errno) }
    return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
