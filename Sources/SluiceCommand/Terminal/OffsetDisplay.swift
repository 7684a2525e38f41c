internal import SluiceCore
internal import SluiceFormats
internal import SluiceRun
internal import SluiceRecipe

/// What the offsets of models look like, for people and for programs.
enum OffsetDisplay {
  private static let heads =
    ["smallest"] + (1...9).map { "\($0 * 10) %" } + ["largest"]

  static func text(_ models: [ModelOffsets]) -> String {
    var text = ""
    let signed = models.filter { $0.signed != nil }
    if !signed.isEmpty {
      text += "offsets of linear layers\n"
      text += table(signed) { $0.signed ?? [] } + "\n"
    }
    text += "|offset|\n" + table(models) { $0.magnitudes } + "\n"
    for model in models { text += significance(model) + "\n" }
    for model in models { text += "\(model.name.printable): \(advice(model))\n" }
    return text
  }

  private static func table(
    _ models: [ModelOffsets], _ values: (ModelOffsets) -> [Double]
  ) -> String {
    // Columns would be wider than most terminals with more than one model in a row.
    var rows = [[""] + models.map(\.name.printable)]
    for (position, head) in heads.enumerated() {
      rows.append([head] + models.map { short(values($0)[position]) })
    }
    return Format.table(rows)
  }

  private static func significance(_ model: ModelOffsets) -> String {
    let table = LayerTable.text(
      model.layers.map { ($0.name, NumberFormat.percent($0.significance)) })
    let multiple = "\(model.significanceMultiple)"
    let zeros = Double(model.zeroCount) / Double(max(model.elementCount, 1))
    return "\(model.name.printable): significance, the share of |offset| in those above "
      + "\(multiple.hasSuffix(".0") ? String(multiple.dropLast(2)) : multiple) times the layer's mean\n"
      + table
      + "\(model.layers.count) linear layers, \(NumberFormat.grouped(model.elementCount)) offsets, "
      + "\(NumberFormat.percent(zeros)) of them zero, mean |offset| \(short(model.mean))\n"
  }

  /// What follows from the size of offsets, in a line.
  static func advice(_ model: ModelOffsets) -> String {
    let reach = "80 % of |offset| lie within \(short(model.reach))"
    return switch model.advice {
    case .unchanged: "no linear layer differs from the base's; there is nothing to prune"
    case .dare:
      "\(reach), as where the paper (DPPA, 4.6.1) finds that DARE will do: --prune dare"
    case .either:
      "\(reach), between the paper's cases (DPPA, 4.6.1: DARE will do within about 0.0001, DPPA is "
        + "needed from about 0.001 on): try --prune dare and --prune dppa"
    case .dppa:
      "\(reach), as where the paper (DPPA, 4.6.1) finds that DARE fails and DPPA is needed: --prune dppa"
    }
  }

  static func json(_ model: ModelOffsets) -> String {
    JSONLine.text { json in
      json.member("event", .string("offsets"))
      json.member("model", .string(model.name))
      json.member("path", .string(model.path))
      json.member("isStored", .bool(model.isStored))
      json.member("elements", .integer(model.elementCount))
      json.member("zeros", .integer(model.zeroCount))
      json.member("mean", .double(model.mean))
      json.key("offsets")
      if let signed = model.signed {
        list(signed, &json)
      } else {
        json.value(.null)
      }
      json.key("magnitudes")
      list(model.magnitudes, &json)
      json.member("significanceMultiple", .double(model.significanceMultiple))
      json.key("layers")
      json.beginArray()
      for layer in model.layers {
        json.beginObject(isOnOneLine: true)
        json.member("name", .string(layer.name))
        json.member("elements", .integer(layer.elementCount))
        json.member("zeros", .integer(layer.zeroCount))
        json.member("mean", .double(layer.mean))
        json.member("significance", .double(layer.significance))
        json.endObject()
      }
      json.endArray()
      json.member("reach", .double(model.reach))
      json.member("advice", .string(model.advice.rawValue))
      json.member("adviceText", .string(advice(model)))
    }
  }

  private static func list(_ values: [Double], _ json: inout JSONWriter) {
    json.beginArray(isOnOneLine: true)
    for value in values { json.value(.double(value)) }
    json.endArray()
  }

  /// Three digits, written like the paper's, so that they can be compared: `0.00114`, not `1.14e-3`.
  static func short(_ value: Double) -> String {
    guard value != 0, value.isFinite else { return value == 0 ? "0" : "\(value)" }
    var (magnitude, digits) = (value.magnitude, 2)
    while magnitude < 1, digits < 60 { (magnitude, digits) = (magnitude * 10, digits + 1) }
    if digits > 9 {
      let mantissa = (magnitude * 100).rounded() / 100
      return "\(value < 0 ? "-" : "")\(mantissa)e-\(digits - 2)"
    }
    return Decimals.text(value, places: digits)
  }
}

/// Numbers with a fixed number of decimal places.
enum Decimals {
  static func text(_ value: Double, places: Int) -> String {
    var scale = 1.0
    for _ in 0..<places { scale *= 10 }
    let scaled = (value.magnitude * scale).rounded()
    guard scaled < 9e15 else { return "\(value)" }
    let whole = Int(scaled) / Int(scale)
    let rest = String(Int(scaled) % Int(scale))
    let fraction =
      places > 0 ? "." + String(repeating: "0", count: places - rest.count) + rest : ""
    return (value < 0 && scaled > 0 ? "-" : "") + "\(whole)" + fraction
  }
}
