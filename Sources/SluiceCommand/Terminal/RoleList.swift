internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats

/// What the tensors of a checkpoint are taken for, and why.
struct RoleList {
  private struct Row {
    let tensor: CheckpointTensor
    let part: TensorPart
    let layers: [String]
    let layout: MatrixLayout?
  }

  private let rows: [Row]

  init(_ catalog: ModelCatalog) {
    rows = catalog.tensors.sorted { NaturalOrder.isOrderedBefore($0.name, $1.name) }.map {
      tensor in
      let stack = catalog.stack(tensor.name)
      return Row(
        tensor: tensor, part: catalog.part(of: tensor),
        layers: (0..<(stack?.layerCount ?? 0)).map { stack?.layerName($0) ?? "" },
        layout: catalog.layout(tensor.name))
    }
  }

  func text(isQuiet: Bool) -> String {
    var table = [["tensor", "shape", "role", "because"]]
    for row in isQuiet ? [] : rows {
      table.append([
        row.tensor.name.printable, row.tensor.entry.shape.description, role(row),
        row.part.reason,
      ])
    }
    let list = isQuiet ? "" : Format.table(table, leftAligned: [0, 1, 2, 3]) + "\n"
    var counts = [["role", "tensors", "elements"]]
    for kind in TensorPart.Kind.allCases {
      let own = rows.filter { $0.part.kind == kind }
      guard !own.isEmpty else { continue }
      let elements = own.reduce(0) { $0 + $1.tensor.entry.shape.elementCount }
      counts.append([kind.rawValue, "\(own.count)", NumberFormat.grouped(elements)])
    }
    return list + Format.table(counts, leftAligned: [0])
  }

  private func role(_ row: Row) -> String {
    var text = row.part.kind.rawValue
    if row.part.isLinear { text += ", \(row.part.orientation.rawValue)" }
    if !row.layers.isEmpty { text += ", \(row.layers.count) layers" }
    return text
  }

  func json(_ path: String) -> String {
    JSONLine.text { json in
      json.member("path", .string(path))
      json.key("tensors")
      json.beginArray()
      for row in rows {
        json.beginObject()
        json.member("name", .string(row.tensor.name))
        json.member("role", .string(row.part.kind.rawValue))
        json.member("reason", .string(row.part.reason))
        if row.part.isLinear {
          json.member("orientation", .string(row.part.orientation.rawValue))
        }
        if let layout = row.layout { json.member("layout", .string(layout.rawValue)) }
        if !row.layers.isEmpty {
          json.key("layers")
          json.beginArray()
          for name in row.layers { json.value(.string(name)) }
          json.endArray()
        }
        json.endObject()
      }
      json.endArray()
    }
  }
}
