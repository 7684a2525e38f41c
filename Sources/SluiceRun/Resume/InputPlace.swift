internal import SluiceCore
internal import SluiceFormats
internal import SluicePlan
internal import SluiceRecipe

/// What tells that an input was written to although its length, time and samples are as they were.
///
/// For as long as it is the same file on the same disk that is the time of the last change of its inode,
/// which nobody can set back. Of a file that was read whole it is a hash.
struct InputPlace: Sendable, Hashable {
  private static let pieceByteCount = 1 << 20

  let inode: UInt64
  let changeNanoseconds: Int64
  /// XXH3-128 of the XXH3-128s of pieces of 1 MiB; nil if the file was not read whole.
  let content: String?

  /// Looks at a file.
  ///
  /// - Parameters:
  ///   - file: The file.
  ///   - isRead: Whether all of it is read.
  /// - Throws: `FormatError` if it cannot be read.
  init(of file: InputFile, isRead: Bool) throws {
    inode = file.status.inode
    changeNanoseconds = file.status.changeNanoseconds
    guard isRead else {
      content = nil
      return
    }
    var hashes: [UInt8] = []
    for start in stride(from: 0, to: file.byteCount, by: InputPlace.pieceByteCount) {
      let end = min(start + InputPlace.pieceByteCount, file.byteCount)
      hashes += Hash128(of: try file.bytes(in: start..<end)).bytes
    }
    content = Hash128(of: hashes).hexadecimal
  }

  /// Reads what `text` gave.
  init?(_ text: String) {
    let words = text.split(separator: " ")
    guard words.count == 2 || words.count == 3, let inode = UInt64(words[0]),
      let change = Int64(words[1])
    else { return nil }
    self.inode = inode
    changeNanoseconds = change
    content = words.count == 3 ? String(words[2]) : nil
  }

  /// The form in manifests.
  var text: String { "\(inode) \(changeNanoseconds)" + (content.map { " \($0)" } ?? "") }

  /// Whether the file is another than it was.
  func differs(from earlier: InputPlace, _ check: InputCheck) -> Bool {
    if let content, let before = earlier.content { return content != before }
    return check != .samples && inode == earlier.inode
      && changeNanoseconds != earlier.changeNanoseconds
  }
}

extension Manifest {
  /// The names of inputs that were written to since an earlier attempt began.
  func changedInputs(since earlier: Manifest, _ check: InputCheck) -> [String] {
    let before = Dictionary(earlier.places.map { ($0.name, $0.value) }) { first, _ in first }
    return places.compactMap { entry in
      guard let mine = InputPlace(entry.value),
        let other = before[entry.name].flatMap({ InputPlace($0) })
      else { return nil }
      return mine.differs(from: other, check) ? entry.name : nil
    }
  }
}

extension PipelineError {
  static func changedInputs(_ path: String, _ names: [String]) -> PipelineError {
    let shown = names.prefix(3).map(\.printable).joined(separator: ", ")
    let more = names.count > 3 ? " and \(names.count - 3) more" : ""
    return PipelineError.badInput(
      "an input was written to or touched since the unfinished run in it began "
        + "(\(shown)\(more)): length, time and samples are the same, its inode's time is not",
      file: path,
      remedy: "--verify-inputs samples goes on if you know that its bytes are the same; --restart "
        + "throws the work away.")
  }
}
