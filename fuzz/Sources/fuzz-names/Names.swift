import FuzzSupport
@testable import SluiceFormats
@testable import SluicePlan
@testable import SluiceRun
@testable import SluiceRecipe

/// What a run notes of its output: the files that got names, and where inputs lay.
///
/// Any bytes as they are, or names that are given their hashes.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzNames(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  attempt(start, count) { bytes in
    guard let form = bytes.first else { return }
    let rest = Array(bytes.dropFirst())
    var text = rest
    if form & 1 == 1 {
      text = rest.split(separator: 0).flatMap {
        OutputNames.note(
          String(decoding: $0, as: UTF8.self),
          OutputNames.Mark(inode: UInt64($0.count), content: Hash128(high: 1, low: 2)))
      }
    }
    let (notes, end) = OutputNames.read(text)
    precondition(end <= text.count)
    let (same, sameEnd) = OutputNames.read(Array(text[..<end]))
    precondition(sameEnd == end && same.map(\.name) == notes.map(\.name))
    precondition(same.map(\.mark) == notes.map(\.mark))
    if form & 1 == 1 { precondition(end == text.count) }

    guard let place = InputPlace(String(decoding: rest, as: UTF8.self)) else { return }
    precondition(InputPlace(place.text) == place)
    precondition(!place.differs(from: place, .all))
  }
}
