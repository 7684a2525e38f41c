internal import SluiceCore

/// Sizes, order and headers after a layout.
struct ShardPlanner {
  /// A tensor: numbers alone, as there may be ten thousands that are put in order.
  struct Item {
    /// Where it is in the list that was given.
    let position: Int
    let byteCount: Int
  }

  /// The tensors as they were given.
  private let tensors: [PlannedTensor]
  /// The same in natural order of their names.
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
      items.append(Item(position: position, byteCount: byteCount))
    }
    // Mostly they are in order: then it takes one look.
    let areInOrder = tensors.indices.dropFirst().allSatisfy {
      NaturalOrder.isOrderedBefore(tensors[$0 - 1].name, tensors[$0].name)
    }
    if !areInOrder {
      items.sort {
        NaturalOrder.isOrderedBefore(tensors[$0.position].name, tensors[$1.position].name)
      }
      for (item, next) in zip(items, items.dropFirst()) {
        let name = tensors[item.position].name
        guard name != tensors[next.position].name else {
          throw .malformed("the name is planned twice", file: nil, tensor: name)
        }
      }
    }
    self.tensors = tensors
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
    let ordered = placed(group)
    let header = header(of: ordered, metadata: metadata)
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
      let tensor = tensors[item.position]
      entries.append(
        TensorEntry(
          name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, byteRange: range))
      end = range.upperBound
    }
    return (
      PlannedShard(fileName: fileName, header: header, tensors: entries, byteCount: end),
      ordered.map(\.position)
    )
  }

  /// The tensors of a shard in the order of their bytes: of each kind in natural order, as they are given.
  private func placed(_ group: ArraySlice<Item>) -> [Item] {
    struct Kind: Comparable {
      let isAligned: Bool
      let bitCount: Int

      static func < (a: Kind, b: Kind) -> Bool {
        a.isAligned != b.isAligned ? a.isAligned : a.bitCount > b.bitCount
      }
    }
    let kinds = group.map { item in
      Kind(
        isAligned: item.byteCount % ShardLayout.alignment == 0,
        bitCount: tensors[item.position].dtype.bitCount)
    }
    // There are few of them.
    var distinct: [Kind] = []
    for kind in kinds where !distinct.contains(kind) { distinct.append(kind) }
    guard distinct.count > 1 else { return Array(group) }
    var ordered: [Item] = []
    ordered.reserveCapacity(group.count)
    for kind in distinct.sorted() {
      for (item, own) in zip(group, kinds) where own == kind { ordered.append(item) }
    }
    return ordered
  }

  /// The length prefix and the JSON text, padded with spaces to the alignment.
  private func header(of items: [Item], metadata: [String: String]) -> [UInt8] {
    let room = items.reduce(1 << 10) { $0 + tensors[$1.position].name.utf8.count + 96 }
    return JSONWriter.text(room: room) { writer in
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
        let tensor = tensors[item.position]
        writer.key(named: tensor.name)
        writer.beginObject()
        writer.member("dtype", tensor.dtype.rawValue)
        writer.list("shape", integers: tensor.shape.dimensions)
        writer.array("data_offsets") {
          $0.value(offset)
          $0.value(offset + item.byteCount)
        }
        offset += item.byteCount
        writer.endObject()
      }
      writer.endObject()
    } use: { text in
      let prefix = SafetensorsHeader.prefixByteCount
      let byteCount = (prefix + text.byteCount).roundedUp(to: ShardLayout.alignment)
      return unsafe [UInt8](unsafeUninitializedCapacity: byteCount) { room, made in
        let header = UnsafeMutableRawBufferPointer(room)
        unsafe LittleEndian.store(UInt64(byteCount - prefix), header, at: 0)
        // Safety: there is room for the text behind the prefix, and for as many spaces as are missing.
        unsafe text.withUnsafeBytes { text in
          unsafe UnsafeMutableRawBufferPointer(rebasing: header[prefix...]).copyMemory(from: text)
        }
        let end = prefix + text.byteCount
        unsafe UnsafeMutableBufferPointer(rebasing: room[end...])
          .initialize(repeating: UInt8(ascii: " "))
        made = byteCount
      }
    }
  }
}
