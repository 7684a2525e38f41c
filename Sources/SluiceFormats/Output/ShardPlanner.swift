internal import SluiceCore

/// Sizes, order and headers after a layout.
struct ShardPlanner {
  struct Item {
    let tensor: PlannedTensor
    let byteCount: Int
    /// Where it is in the list that was given.
    let position: Int
  }

  /// The tensors in natural order of their names.
  let items: [Item]
  /// The length of all of them.
  let byteCount: Int

  init(_ tensors: [PlannedTensor]) throws(FormatError) {
    var items: [Item] = []
    items.reserveCapacity(tensors.count)
    var total = 0
    for (position, tensor) in tensors.enumerated() {
      guard let byteCount = tensor.dtype.byteCount(ofElements: tensor.shape.elementCount) else {
        throw .malformed(
          "\(tensor.shape) of \(tensor.dtype) cannot be written: no whole number of bytes, or too many",
          file: nil, tensor: tensor.name)
      }
      // The name would be read as the header's free-form part.
      guard tensor.name != "__metadata__" else {
        throw .malformed("a tensor cannot have this name", file: nil, tensor: tensor.name)
      }
      let (sum, overflow) = total.addingReportingOverflow(byteCount)
      guard !overflow else { throw .malformed("more bytes of tensors than fit 63 bits", file: nil) }
      total = sum
      items.append(Item(tensor: tensor, byteCount: byteCount, position: position))
    }
    // Mostly they are in order: then it takes one look.
    let areInOrder = items.indices.dropFirst().allSatisfy {
      NaturalOrder.isOrderedBefore(items[$0 - 1].tensor.name, items[$0].tensor.name)
    }
    if !areInOrder {
      items.sort { NaturalOrder.isOrderedBefore($0.tensor.name, $1.tensor.name) }
      for (item, next) in zip(items, items.dropFirst()) where item.tensor.name == next.tensor.name {
        throw .malformed("the name is planned twice", file: nil, tensor: item.tensor.name)
      }
    }
    self.items = items
    self.byteCount = total
  }

  /// Cuts the tensors into shards; no tensors at all still make one file.
  func groups(shardByteLimit: Int) -> [ArraySlice<Item>] {
    var groups: [ArraySlice<Item>] = []
    var start = 0
    var filled = 0
    for (position, item) in items.enumerated() {
      if position > start, item.byteCount > shardByteLimit - filled {
        groups.append(items[start..<position])
        start = position
        filled = 0
      }
      // Above the limit the next tensor does not fit either way.
      filled = min(filled + item.byteCount, shardByteLimit)
    }
    return groups + [items[start...]]
  }

  /// Plans a shard; with it comes where each of its tensors is in the list that was given.
  func shard(
    _ group: ArraySlice<Item>, fileName: String, metadata: [String: String]
  ) throws(FormatError) -> (PlannedShard, positions: [Int]) {
    let ordered = ShardPlanner.placed(group)
    let header = ShardPlanner.header(of: ordered, metadata: metadata)
    let textByteCount = header.count - SafetensorsHeader.prefixByteCount
    guard textByteCount <= SafetensorsHeader.maximumTextByteCount else {
      throw .malformed(
        "the header would have \(textByteCount) bytes; at most "
          + "\(SafetensorsHeader.maximumTextByteCount) are allowed", file: fileName,
        remedy: "choose a smaller --shard-size")
    }
    var end = header.count
    var entries: [TensorEntry] = []
    entries.reserveCapacity(ordered.count)
    for item in ordered {
      let range = end..<end + item.byteCount
      entries.append(
        TensorEntry(
          name: item.tensor.name, dtype: item.tensor.dtype, shape: item.tensor.shape,
          byteRange: range))
      end = range.upperBound
    }
    return (
      PlannedShard(fileName: fileName, header: header, tensors: entries, byteCount: end),
      ordered.map(\.position)
    )
  }

  /// The tensors of a shard in the order of their bytes: of each kind in natural order, as they are given.
  private static func placed(_ group: ArraySlice<Item>) -> [Item] {
    struct Kind: Hashable, Comparable {
      let isAligned: Bool
      let bitCount: Int

      init(_ item: Item) {
        isAligned = item.byteCount % ShardLayout.alignment == 0
        bitCount = item.tensor.dtype.bitCount
      }

      static func < (a: Kind, b: Kind) -> Bool {
        a.isAligned != b.isAligned ? a.isAligned : a.bitCount > b.bitCount
      }
    }
    let kinds = group.map { Kind($0) }
    guard kinds.contains(where: { $0 != kinds[0] }) else { return Array(group) }
    var ordered: [Item] = []
    ordered.reserveCapacity(group.count)
    for kind in Set(kinds).sorted() {
      for (item, own) in zip(group, kinds) where own == kind { ordered.append(item) }
    }
    return ordered
  }

  /// The length prefix and the JSON text, padded with spaces to the alignment.
  private static func header(of items: [Item], metadata: [String: String]) -> [UInt8] {
    let room = items.reduce(1 << 10) { $0 + $1.tensor.name.utf8.count + 96 }
    let text = JSONWriter.bytes(room: room) { writer in
      writer.beginObject()
      if !metadata.isEmpty {
        writer.key("__metadata__")
        writer.beginObject()
        for (key, value) in metadata.sorted(by: { $0.key < $1.key }) {
          writer.member(named: key, .string(value))
        }
        writer.endObject()
      }
      var offset = 0
      for item in items {
        writer.key(named: item.tensor.name)
        writer.beginObject()
        writer.member("dtype", item.tensor.dtype.rawValue)
        writer.list("shape", integers: item.tensor.shape.dimensions)
        writer.array("data_offsets") {
          $0.value(offset)
          $0.value(offset + item.byteCount)
        }
        offset += item.byteCount
        writer.endObject()
      }
      writer.endObject()
    }
    let prefix = SafetensorsHeader.prefixByteCount
    let byteCount = (prefix + text.count).roundedUp(to: ShardLayout.alignment)
    var header: [UInt8] = []
    header.reserveCapacity(byteCount)
    header.append(count: byteCount - prefix)
    header += text
    header += repeatElement(UInt8(ascii: " "), count: byteCount - header.count)
    return header
  }
}
