package import SluiceCore

/// A tensor that is going to be written.
package struct PlannedTensor: Sendable, Hashable {
  /// The name.
  package let name: String
  /// The element type in the output.
  package let dtype: DType
  /// The dimensions in the output.
  package let shape: TensorShape

  /// Describes a tensor.
  package init(name: String, dtype: DType, shape: TensorShape) {
    self.name = name
    self.dtype = dtype
    self.shape = shape
  }
}

/// A file that is going to be written: everything about it except the tensors' values.
package struct PlannedShard: Sendable, Hashable {
  /// The name.
  package let fileName: String
  /// The first bytes of the file, up to where the first tensor starts; a multiple of 4096.
  package let header: [UInt8]
  /// The tensors in the order of their bytes, with their places in the file.
  package let tensors: [TensorEntry]
  /// The length of the file.
  package let byteCount: Int
}

/// Where every byte of a merged checkpoint goes, fixed before the first is written, so that units of
/// work may be written in any order and checked again after a crash.
///
/// The layout depends on the tensors' names, dtypes and shapes and on the shard limit, not on the
/// order in which they are given:
/// - Shards are filled in natural order of names until the next tensor would pass the limit; a
///   tensor above the limit has a shard of its own.
/// - Within a shard, tensors whose length is a multiple of 4096 come first; then wider dtypes before
///   narrower; then natural order. With a header that is padded to 4096, every tensor of the first
///   kind starts on a page, where it can be written around the page cache, and every other starts
///   at a multiple of its element's width.
package struct ShardLayout: Sendable, Hashable {
  /// The files, in natural order of the names they hold.
  package let shards: [PlannedShard]
  /// The content of `model.safetensors.index.json`, or nil where one file holds all.
  package let index: [UInt8]?
  /// The length of all tensors together.
  package let tensorByteCount: Int

  /// The files of a layout of which only the lengths are known, for whoever writes to files that are there.
  package init(lengths: [Int]) {
    shards = lengths.enumerated().map { ordinal, byteCount in
      PlannedShard(
        fileName: ShardLayout.fileName(ordinal, of: lengths.count), header: [], tensors: [],
        byteCount: byteCount)
    }
    (index, tensorByteCount) = (nil, 0)
  }

  private init(shards: [PlannedShard], index: [UInt8]?, tensorByteCount: Int) {
    (self.shards, self.index, self.tensorByteCount) = (shards, index, tensorByteCount)
  }

  /// The length of all files together, index included.
  package var byteCount: Int {
    shards.reduce(0) { $0 + $1.byteCount } + (index?.count ?? 0)
  }

  /// The name of the index file.
  package static let indexFileName = CheckpointIndex.fileName
  /// What headers and aligned tensors start at a multiple of.
  package static let alignment = 4096

  /// Plans the files of a checkpoint.
  ///
  /// - Parameters:
  ///   - tensors: What is to be written, in any order.
  ///   - shardByteLimit: How many bytes of tensors a file may hold, above 0.
  ///   - metadata: The free-form part of every header; Hugging Face loaders insist on `format`.
  /// - Returns: The layout.
  /// - Throws: If a name occurs twice or cannot be written, a tensor's length is no whole number of
  ///   bytes, or a header would be longer than the format allows.
  package static func plan(
    _ tensors: [PlannedTensor], shardByteLimit: Int, metadata: [String: String] = ["format": "pt"]
  ) throws(FormatError) -> ShardLayout {
    try places(tensors, shardByteLimit: shardByteLimit, metadata: metadata).layout
  }

  /// Plans the files of a checkpoint, and says where its tensors come to be.
  ///
  /// - Returns: The layout, and for each tensor of each shard its position in the list.
  /// - Throws: As ``plan(_:shardByteLimit:metadata:)``.
  package static func places(
    _ tensors: [PlannedTensor], shardByteLimit: Int, metadata: [String: String] = ["format": "pt"]
  ) throws(FormatError) -> (layout: ShardLayout, positions: [[Int]]) {
    precondition(shardByteLimit > 0)
    let planner = try ShardPlanner(tensors)
    let groups = planner.groups(shardByteLimit: shardByteLimit)
    var shards: [PlannedShard] = []
    var positions: [[Int]] = []
    for (ordinal, group) in groups.enumerated() {
      let (shard, own) = try planner.shard(
        group, fileName: fileName(ordinal, of: groups.count), metadata: metadata)
      shards.append(shard)
      positions.append(own)
    }
    let layout = ShardLayout(
      shards: shards, index: groups.count > 1 ? indexBytes(shards, planner.byteCount) : nil,
      tensorByteCount: planner.byteCount)
    return (layout, positions)
  }

  private static func fileName(_ ordinal: Int, of count: Int) -> String {
    guard count > 1 else { return Checkpoint.singleFileName }
    func padded(_ number: Int) -> String { String(number).zeroPadded(to: 5) }
    return "model-\(padded(ordinal + 1))-of-\(padded(count)).safetensors"
  }

  private static func indexBytes(_ shards: [PlannedShard], _ tensorByteCount: Int) -> [UInt8] {
    let files = shards.flatMap { shard in shard.tensors.map { ($0.name, shard.fileName) } }
      .sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }
    return JSONWriter.bytes(indentation: 2) { writer in
      writer.beginObject()
      writer.key("metadata")
      writer.beginObject()
      writer.member("total_size", tensorByteCount)
      writer.endObject()
      writer.key("weight_map")
      writer.beginObject()
      for (name, file) in files { writer.member(named: name, .string(file)) }
      writer.endObject()
      writer.endObject()
    } + [UInt8(ascii: "\n")]
  }
}
