import Glibc

/// Changes recipes: as trees, as people change their lines, or as bytes.
///
/// Keys that exist get values that exist, parts move, repeat, and go to other depths. Bytes alone seldom
/// make a second valid key. With `SLUICE_FUZZ_MUTATOR=bytes` all is left to libFuzzer, for comparison.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutateRecipe(
  _ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int, _ seed: CUnsignedInt
) -> Int {
  guard let bytes else { return 0 }
  var draw = Draw(seed: UInt64(seed))
  // Two in eight are libFuzzer's own: it knows what was compared with what.
  let choice = draw.below(8)
  if isOfBytes || choice < 2 { return libFuzzerMutate(bytes, count, limit) }
  let given = Array(UnsafeBufferPointer(start: bytes, count: count))
  let changed: [UInt8]
  if choice < 6, var tree = RecipeTree(given) {
    for _ in 0...draw.below(3) { tree.change(&draw) }
    changed = Array(tree.text(&draw).utf8.prefix(limit))
  } else {
    let text = String(decoding: given, as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
    for _ in 0...draw.below(3) { change(&lines, &draw) }
    changed = Array(lines.joined(separator: "\n").utf8.prefix(limit))
  }
  for (index, byte) in changed.enumerated() { bytes[index] = byte }
  return changed.count
}

private let isOfBytes = getenv("SLUICE_FUZZ_MUTATOR").map { String(cString: $0) } == "bytes"

@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int)
  -> Int

/// Repeatable numbers.
struct Draw {
  private var state: UInt64

  init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

  mutating func below(_ limit: Int) -> Int {
    state ^= state << 13
    state ^= state >> 7
    state ^= state << 17
    return Int(state % UInt64(max(limit, 1)))
  }

  mutating func any<T>(of list: [T]) -> T { list[below(list.count)] }
}
