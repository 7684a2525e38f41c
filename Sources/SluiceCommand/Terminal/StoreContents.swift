internal import SluiceCore
internal import SluiceFormats
internal import SluiceStore
internal import SluiceRecipe

/// The tensors of a store, for people and for programs.
struct StoreContents {
  let path: String
  let facts: [String: String]
  let byteCount: Int
  let tensors: [StoredTensorSummary]

  init(_ store: DeltaStore, checksFrames: Bool = false) throws {
    path = store.path
    facts = store.facts
    byteCount = store.byteCount
    tensors = try store.contents(checksFrames: checksFrames)
  }

  func text(isQuiet: Bool) -> String {
    var rows = [["tensor", "dtype", "shape", "kept", "mean", "significance", "stored", "share"]]
    for tensor in isQuiet ? [] : tensors {
      let whole = tensor.shape.elementCount * (tensor.dtype.byteCount ?? 1)
      rows.append([
        tensor.name.printable, tensor.dtype.rawValue, tensor.shape.description,
        tensor.isWhole ? "all" : "from rate \(rounded(tensor.lowestRate))",
        tensor.isWhole ? "" : scientific(tensor.mean),
        tensor.isWhole ? "" : NumberFormat.percent(tensor.significance),
        ByteCount(tensor.byteCount).description,
        NumberFormat.percent(Double(tensor.byteCount) / Double(max(whole, 1))),
      ])
    }
    let table = isQuiet ? "" : Format.table(rows, leftAligned: [0, 1, 2, 3]) + "\n"
    let whole = tensors.reduce(0) { $0 + $1.shape.elementCount * ($1.dtype.byteCount ?? 1) }
    let share = NumberFormat.percent(Double(byteCount) / Double(max(whole, 1)))
    let rate = facts["lowest-rate"] ?? "?"
    let codec = facts["codec"] ?? "?"
    return table
      + "delta store of \(tensors.count) tensors, \(ByteCount(whole)) in the model, "
      + "\(ByteCount(byteCount)) here (\(share)); codec \(codec.printable)\n"
      + "serves pruning rates of layers from \(rate.printable) on\n"
  }

  var json: String {
    JSONLine.text { json in
      json.member("path", .string(path))
      json.member("bytes", .integer(byteCount))
      json.key("facts")
      json.beginObject()
      for (name, value) in facts.sorted(by: { $0.key < $1.key }) {
        json.member(named: name, .string(value))
      }
      json.endObject()
      json.key("tensors")
      json.beginArray()
      for tensor in tensors {
        json.beginObject()
        json.member("name", .string(tensor.name))
        json.member("dtype", .string(tensor.dtype.rawValue))
        json.key("shape")
        json.beginArray()
        for extent in tensor.shape.dimensions { json.value(.integer(extent)) }
        json.endArray()
        json.member("isWhole", .bool(tensor.isWhole))
        if !tensor.isWhole {
          json.member("lowestRate", .double(tensor.lowestRate))
          json.member("zeros", .integer(tensor.zeroCount))
          json.member("mean", .double(tensor.mean))
          json.member("significance", .double(tensor.significance))
        }
        json.member("bytes", .integer(tensor.byteCount))
        json.endObject()
      }
      json.endArray()
    }
  }

  private func rounded(_ rate: Double) -> String { "\((rate * 1e4).rounded() / 1e4)" }

  private func scientific(_ value: Double) -> String {
    guard value > 0 else { return "0" }
    var (mantissa, exponent) = (value, 0)
    while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
    while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
    return "\((mantissa * 100).rounded() / 100)e\(exponent)"
  }
}
