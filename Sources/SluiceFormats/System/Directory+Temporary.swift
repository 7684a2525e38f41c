internal import Glibc

extension Directory {
  /// Where temporary files are made: `$TMPDIR` or `/tmp`.
  package static var temporary: String {
    // Safety: the environment is only read, and the text is copied at once.
    let parent = unsafe getenv("TMPDIR").map { unsafe String(cString: $0) } ?? ""
    return parent.isEmpty ? "/tmp" : parent
  }

  /// Makes a directory of one's own for what is needed only while the process runs.
  ///
  /// - Parameters:
  ///   - name: What its name begins with.
  ///   - parent: Where; in `$TMPDIR` or `/tmp` if nil.
  /// - Returns: Its path; nobody else may look into it.
  /// - Throws: If it cannot be made.
  package static func createTemporary(
    _ name: String, in parent: String? = nil
  ) throws(FormatError) -> String {
    let pattern = "\(parent ?? temporary)/\(name).XXXXXX"
    var bytes = Array(pattern.utf8CString)
    // Safety: the buffer ends with a zero, and the call changes nothing but the six letters.
    let isMade = unsafe bytes.withUnsafeMutableBufferPointer {
      unsafe $0.baseAddress.map { unsafe mkdtemp($0) != nil } ?? false
    }
    guard isMade else { throw .create(pattern, errno: errno) }
    return String(decoding: bytes.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}
