import Glibc
@testable import SluiceMethods
@testable import SluiceRecipe

/// Changes recipes as people do, line by line.
///
/// Keys that exist get values that exist, blocks move, repeat, and go to other depths. Bytes alone
/// seldom make a second valid key.
@_cdecl("LLVMFuzzerCustomMutator")
public func mutateRecipe(
  _ bytes: UnsafeMutablePointer<UInt8>?, _ count: Int, _ limit: Int, _ seed: CUnsignedInt
) -> Int {
  guard let bytes else { return 0 }
  var draw = Draw(seed: UInt64(seed))
  // Two in five are libFuzzer's own: it knows what was compared with what.
  if draw.below(5) < 2 { return libFuzzerMutate(bytes, count, limit) }
  let text = String(decoding: UnsafeBufferPointer(start: bytes, count: count), as: UTF8.self)
  var lines = text.split(separator: "\n", omittingEmptySubsequences: false).map { String($0) }
  for _ in 0...draw.below(3) { change(&lines, &draw) }
  let changed = Array(lines.joined(separator: "\n").utf8.prefix(limit))
  for (index, byte) in changed.enumerated() { bytes[index] = byte }
  return changed.count
}

@_silgen_name("LLVMFuzzerMutate")
private func libFuzzerMutate(_ bytes: UnsafeMutablePointer<UInt8>, _ count: Int, _ limit: Int)
  -> Int

/// Repeatable numbers.
private struct Draw {
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

private let keys: [String] =
  ParameterRow.all.map(\.name) + [
    "merge_method", "base_model", "models", "model", "parameters", "stages", "exec", "command",
    "kind",
    "statistics", "scope", "time-limit", "read", "delta", "significance", "assign-rates", "mask",
    "amplify", "merge", "write", "operator", "drop", "weight", "density", "lambda", "dtype",
    "tokenizer_source", "slices", "gradient", "filter", "value", "base", "out", "run", "memory",
  ]

private let values = [
  "0", "1", "-1", "0.8", "1e308", "-0.0", ".inf", ".nan", "0x10", "1_000", "true", "no", "null",
  "~", "''",
  "\"\\u202e\"", "[]", "{}", "[1.1, 1.3]", "[0, 0.5, 1]", "{a: 1}", "{filter: mlp, value: 0.5}",
  "[{filter: mlp, value: 1}, {value: 0}]", "models/base", "/nowhere", "../x", "*a", "&a 1",
  "!!str 1",
  "!!float x", "|\n    block", ">-\n    folded", "ties", "sum", "dppa", "mergekit", "original",
  "linear",
  "9223372036854775808", "18446744073709551616", "512MiB", "2min", "BF16", "F32", "sparsegpt",
  "none",
]

private func change(_ lines: inout [String], _ draw: inout Draw) {
  let index = draw.below(lines.count)
  let indent = String(lines[index].prefix { $0 == " " })
  switch draw.below(11) {
  case 0: lines.insert(lines[index], at: draw.below(lines.count + 1))
  case 1: if lines.count > 1 { lines.remove(at: index) }
  case 2: lines.swapAt(index, draw.below(lines.count))
  case 3: lines[index] = "  " + lines[index]
  case 4: if lines[index].hasPrefix("  ") { lines[index].removeFirst(2) }
  case 5: lines.insert("\(indent)\(draw.any(of: keys)): \(draw.any(of: values))", at: index)
  case 6: lines.insert("\(indent)- \(draw.any(of: keys)): \(draw.any(of: values))", at: index)
  case 7:
    guard let colon = lines[index].firstIndex(of: ":") else { return }
    lines[index] = String(lines[index][...colon]) + " " + draw.any(of: values)
  case 8:
    guard let colon = lines[index].firstIndex(of: ":") else { return }
    let dash = lines[index].dropFirst(indent.count).hasPrefix("- ") ? "- " : ""
    lines[index] = indent + dash + draw.any(of: keys) + lines[index][colon...]
  case 9:
    // A block with all that is deeper goes elsewhere.
    let end = lines[(index + 1)...].firstIndex { line in
      line.prefix { $0 == " " }.count <= indent.count
    }
    let block = Array(lines[index..<(end ?? lines.count)])
    lines.insert(contentsOf: block, at: draw.below(lines.count + 1))
  default:
    lines[index] =
      "\(indent)\(draw.any(of: keys)): {\(draw.any(of: keys)): \(draw.any(of: values))}"
  }
}
