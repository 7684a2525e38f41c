@testable import SluiceMethods

/// Keys that recipes have.
let keys: [String] =
  ParameterRow.all.map(\.name) + [
    "merge_method", "base_model", "models", "model", "parameters", "stages", "exec", "command",
    "kind", "statistics", "scope", "time-limit", "read", "delta", "significance", "assign-rates",
    "mask",
    "amplify", "merge", "write", "operator", "drop", "weight", "density", "lambda", "dtype",
    "tokenizer_source", "slices", "gradient", "filter", "value", "base", "out", "run", "memory",
  ]

/// Values of all kinds, the odd ones among them.
let values = [
  "0", "1", "-1", "0.8", "1e308", "-0.0", ".inf", ".nan", "0x10", "1_000", "true", "no", "null",
  "~", "''", "\"\\u202e\"", "[]", "{}", "[1.1, 1.3]", "[0, 0.5, 1]", "{a: 1}",
  "{filter: mlp, value: 0.5}",
  "[{filter: mlp, value: 1}, {value: 0}]", "models/base", "/nowhere", "../x", "*a", "&a 1",
  "!!str 1",
  "!!float x", "|\n    block", ">-\n    folded", "ties", "sum", "dppa", "mergekit", "original",
  "linear",
  "9223372036854775808", "18446744073709551616", "512MiB", "2min", "BF16", "F32", "sparsegpt",
  "none",
]

/// Changes a line or a block of lines.
func change(_ lines: inout [String], _ draw: inout Draw) {
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
