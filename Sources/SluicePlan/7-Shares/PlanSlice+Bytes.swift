internal import SluiceCore
internal import SluiceFormats
package import SluiceStages

/// A slice as bytes (docs/reference/shared-runs.md).
extension PlanSlice {
  /// What is said once.
  package var headBytes: [UInt8] {
    var bytes: [UInt8] = []
    for count in [
      modelCount, taskCount, stripCount, deltaCount, inputByteCount, byteCount,
      shardByteCounts.count, strips.count, files.count,
    ] { bytes.append(packed: count) }
    for count in shardByteCounts + strips { bytes.append(packed: count) }
    for file in files {
      bytes.append(packed: file.model)
      bytes.append(text: file.name)
      bytes.append(packed: file.byteCount)
      bytes += file.content.bytes
    }
    return bytes
  }

  /// What is said of some of the tensors.
  package func taskBytes(_ tasks: ArraySlice<TensorTask>) -> [UInt8] {
    var bytes: [UInt8] = []
    var before: [UInt8] = []
    for task in tasks {
      bytes.append(packed: task.ordinal)
      // Neighbours have most of their names in common.
      let name = Array(task.name.utf8)
      let common = zip(before, name).prefix { $0 == $1 }.count
      bytes.append(packed: common)
      bytes.append(packed: name.count - common)
      bytes += name[common...]
      before = name
      bytes.append(text: task.role.rawValue)
      bytes.append(text: task.outputDType.rawValue)
      for count in [
        task.elementCount, task.baseElementCount, task.outputShard, task.outputOffset,
        task.firstStrip, task.columnCount, task.dimensions.count,
      ] { bytes.append(packed: count) }
      for count in task.dimensions { bytes.append(packed: count) }
      for source in [task.base] + task.fineTuned {
        guard let source else {
          bytes.append(text: "")
          continue
        }
        bytes.append(text: source.dtype.rawValue)
        for count in [source.file, source.byteRange.lowerBound, source.byteRange.count] {
          bytes.append(packed: count)
        }
      }
      for count in task.fineTunedElementCounts { bytes.append(packed: count) }
    }
    return bytes
  }

  /// Reads what is said once; nil if it makes no sense.
  package init?(head bytes: [UInt8]) {
    var reader = ByteReader(bytes)
    let counts = (0..<9).compactMap { _ in reader.packedCount() }
    guard counts.count == 9, counts[6...].allSatisfy({ $0 <= bytes.count }) else { return nil }
    (modelCount, taskCount, stripCount) = (counts[0], counts[1], counts[2])
    (deltaCount, inputByteCount, byteCount) = (counts[3], counts[4], counts[5])
    shardByteCounts = (0..<counts[6]).compactMap { _ in reader.packedCount() }
    strips = (0..<counts[7]).compactMap { _ in reader.packedCount() }
    for _ in 0..<counts[8] {
      guard let model = reader.packedCount(), let name = reader.text(),
        let byteCount = reader.packedCount(),
        let content = reader.bytes(16).flatMap({ Hash128(bytes: $0[...]) }), model <= modelCount
      else { return nil }
      files.append(File(model: model, name: name, byteCount: byteCount, content: content))
    }
    guard reader.isAtEnd, shardByteCounts.count == counts[6], strips.count == counts[7] else {
      return nil
    }
  }

  /// Adds tensors; false if they make no sense.
  package mutating func add(tasks bytes: [UInt8]) -> Bool {
    var reader = ByteReader(bytes)
    var before: [UInt8] = []
    while !reader.isAtEnd {
      guard let task = task(&reader, &before),
        tasks.last.map({ $0.ordinal < task.ordinal }) != false,
        task.ordinal < taskCount, task.outputShard < max(shardByteCounts.count, 1)
      else { return false }
      tasks.append(task)
    }
    return true
  }

  /// Bytes of a file; nil if it has not got them.
  ///
  /// What rates are made of names no files.
  private func place(_ start: Int, _ length: Int, in file: Int) -> Range<Int>? {
    let end = start.addingUpToLimit(length)
    guard file < max(files.count, 1), end < .max, files.isEmpty || end <= files[file].byteCount
    else { return nil }
    return start..<end
  }

  /// Whether a file of the result has room for a tensor; what rates are made of has no place in one.
  private func fits(_ count: Int, _ dtype: DType, at offset: Int, in shard: Int) -> Bool {
    guard !files.isEmpty else { return true }
    let byteCount = count.multipliedUpToLimit(by: dtype.bitCount) / 8
    return shardByteCounts.indices.contains(shard)
      && offset.addingUpToLimit(byteCount) <= shardByteCounts[shard]
  }

  /// Reads a tensor; its name begins like the one before.
  private func task(_ reader: inout ByteReader, _ before: inout [UInt8]) -> TensorTask? {
    guard let ordinal = reader.packedCount(), let common = reader.packedCount(),
      common <= before.count, let length = reader.packedCount(), let rest = reader.bytes(length)
    else { return nil }
    before = before.prefix(common) + rest
    guard let name = String(validating: before, as: UTF8.self),
      let role = reader.text().flatMap({ TensorRole(rawValue: $0) }),
      let dtype = reader.text().flatMap({ DType(rawValue: $0) })
    else { return nil }
    let counts = (0..<7).compactMap { _ in reader.packedCount() }
    guard counts.count == 7, counts[6] <= 64 else { return nil }
    let dimensions = (0..<counts[6]).compactMap { _ in reader.packedCount() }
    var sources: [TensorSource?] = []
    for _ in 0...modelCount {
      guard let type = reader.text() else { return nil }
      guard !type.isEmpty else {
        sources.append(nil)
        continue
      }
      guard let type = DType(rawValue: type), let file = reader.packedCount(),
        let start = reader.packedCount(),
        let length = reader.packedCount(), let range = place(start, length, in: file)
      else { return nil }
      sources.append(TensorSource(file: file, dtype: type, byteRange: range))
    }
    let own = (0..<modelCount).compactMap { _ in reader.packedCount() }
    guard let base = sources[0], own.count == modelCount, dimensions.count == counts[6],
      own.allSatisfy({ $0 <= counts[0] }), counts[1] <= counts[0], counts[4] <= stripCount,
      dimensions.reduce(1, { $0.multipliedUpToLimit(by: $1) }) == counts[0],
      fits(counts[0], dtype, at: counts[3], in: counts[2])
    else { return nil }
    return TensorTask(
      ordinal: ordinal, name: name, role: role, elementCount: counts[0], base: base,
      baseElementCount: counts[1], fineTuned: Array(sources.dropFirst()),
      fineTunedElementCounts: own, outputDType: dtype, outputShard: counts[2],
      outputOffset: counts[3], firstStrip: counts[4], columnCount: counts[5],
      dimensions: dimensions)
  }
}

extension [UInt8] {
  /// A text with its length before it.
  fileprivate mutating func append(text: String) {
    append(packed: text.utf8.count)
    append(contentsOf: text.utf8)
  }
}

extension ByteReader {
  fileprivate mutating func text() -> String? {
    guard let length = packedCount(), let bytes = bytes(length) else { return nil }
    return String(validating: bytes, as: UTF8.self)
  }
}
