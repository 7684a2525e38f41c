internal import SluiceArchitecture
internal import SluiceCore
internal import SluiceFormats

/// A text for each linear layer: blocks downwards, kinds of layers sideways.
enum LayerTable {
  /// The table.
  ///
  /// - Parameter layers: For each layer the tensor's name and the text.
  /// - Returns: The table, with `-` for layers that a block does not have.
  static func text(_ layers: [(name: String, cell: String)]) -> String {
    let layers = layers.map { layer in
      let block = BlockName.block(of: layer.name)
      return (block: block, linear: linear(layer.name, in: block), cell: layer.cell)
    }
    var linears: [String] = []
    for layer in layers where !linears.contains(layer.linear) { linears.append(layer.linear) }
    let blocks = Dictionary(grouping: layers, by: \.block)
    let names = blocks.keys.sorted { NaturalOrder.isOrderedBefore($0, $1) }
    // The columns have short names where these are enough to tell layers apart, as they mostly are.
    let lastParts = linears.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
    let heads = Set(lastParts).count == linears.count ? lastParts : linears
    var rows = [["block"] + heads.map(\.printable)]
    for name in names {
      let own = blocks[name] ?? []
      rows.append(
        [name.printable]
          + linears.map { linear in own.first { $0.linear == linear }?.cell ?? "-" })
    }
    return Format.table(rows)
  }

  /// The name inside the block: `mlp.up_proj`.
  private static func linear(_ name: String, in block: String) -> String {
    let rest = name == block ? Substring(name) : name.dropFirst(block.count + 1)
    return String(rest.hasSuffix(".weight") ? rest.dropLast(7) : rest)
  }
}
