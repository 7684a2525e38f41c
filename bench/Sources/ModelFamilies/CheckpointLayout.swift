import Platform

/// Where every tensor of a checkpoint lies: shards filled in the order of the model, as `transformers`
/// does it, and inside a shard in byte order of the names, as the safetensors library does it.
///
/// Or a shard for each layer, where layers repeat.
public struct CheckpointLayout: Sendable {
  /// A tensor with its place.
  public struct PlacedTensor: Sendable {
    /// The tensor.
    public let tensor: ModelTensor
    /// The first byte of its data in the file.
    public let fileOffset: Int
  }

  /// One weight file.
  public struct Shard: Sendable {
    /// Its name.
    public let fileName: String
    /// What stands before the data: the length of the header and the header.
    public let head: [UInt8]
    /// The tensors, in the order of their data.
    public let tensors: [PlacedTensor]
    /// The size of the whole file.
    public let byteCount: Int
    /// The number of an earlier shard that has the same data, nil where this one has its own.
    ///
    /// The head of both is a multiple of 4096 bytes, so that a file system can let them share the data.
    public let repeatedShard: Int?
  }

  /// The shape it was made for.
  public let shape: ModelShape
  /// The type of every element.
  public let type: ElementType
  /// The weight files.
  public let shards: [Shard]

  /// Lays a model out.
  /// - Parameters:
  ///   - shape: the model.
  ///   - type: the type of every element.
  ///   - shardBytes: the most data in one file; a tensor above it gets a file of its own.
  public init(shape: ModelShape, type: ElementType, shardBytes: Int) {
    var groups: [[ModelTensor]] = [[]]
    var filled = 0
    for tensor in shape.tensors(of: type) {
      let size = tensor.elementCount * type.byteCount
      if filled > 0 && filled + size > shardBytes {
        groups.append([])
        filled = 0
      }
      groups[groups.count - 1].append(tensor)
      filled += size
    }
    self.init(shape, type, groups, headAlignment: 8) { _ in nil }
  }

  /// Lays a model out whose layers repeat: layer i has the weights of layer i mod `distinctLayers`, as far as
  /// data goes; names differ.
  ///
  /// Every layer has a shard, with the embedding in a shard before them and what follows the layers in one
  /// after them.
  /// - Parameters:
  ///   - shape: the model; its layers must be alike, so it has no extra linear.
  ///   - type: the type of every element.
  ///   - distinctLayers: how many layers have weights of their own, at least 1.
  public init(shape: ModelShape, type: ElementType, distinctLayers: Int) {
    precondition(distinctLayers >= 1 && shape.largestTensorBytes == 0)
    var groups: [[ModelTensor]] = [[]]
    var layer: Int?
    for tensor in shape.tensors(of: type) {
      if tensor.layer != layer { groups.append([]) }
      layer = tensor.layer
      groups[groups.count - 1].append(tensor)
    }
    self.init(shape, type, groups, headAlignment: 4096) { number in
      guard let layer = groups[number].first?.layer, layer >= distinctLayers else { return nil }
      return number - layer + layer % distinctLayers
    }
  }

  private init(
    _ shape: ModelShape, _ type: ElementType, _ groups: [[ModelTensor]], headAlignment: Int,
    repeatedShard: (Int) -> Int?
  ) {
    self.shape = shape
    self.type = type
    shards = groups.enumerated().map { number, tensors in
      let name =
        groups.count == 1
        ? "model.safetensors"
        : "model-\(fiveDigits(number + 1))-of-\(fiveDigits(groups.count)).safetensors"
      return Shard(name, tensors, type, headAlignment, repeatedShard(number))
    }
  }

  /// Bytes of all weights, without headers.
  public var dataByteCount: Int {
    shards.reduce(0) { $0 + $1.byteCount - $1.head.count }
  }

  /// Bytes of all weight files.
  public var fileByteCount: Int { shards.reduce(0) { $0 + $1.byteCount } }
}

extension CheckpointLayout.Shard {
  fileprivate init(
    _ fileName: String, _ unordered: [ModelTensor], _ type: ElementType, _ headAlignment: Int,
    _ repeatedShard: Int?
  ) {
    let tensors = unordered.sorted { $0.name.utf8.lexicographicallyPrecedes($1.name.utf8) }
    var members = [JSON.Member("__metadata__", .object([JSON.Member("format", .string("pt"))]))]
    var starts: [Int] = []
    var end = 0
    for tensor in tensors {
      let start = end
      starts.append(start)
      end += tensor.elementCount * type.byteCount
      members.append(
        JSON.Member(
          tensor.name,
          .object([
            JSON.Member("dtype", .string(type.rawValue)),
            JSON.Member("shape", .array(tensor.shape.map { .integer($0) })),
            JSON.Member("data_offsets", .array([.integer(start), .integer(end)])),
          ])))
    }
    var header = Array(JSON.object(members).compactText.utf8)
    while (8 + header.count) % headAlignment != 0 { header.append(UInt8(ascii: " ")) }
    let head = withUnsafeBytes(of: UInt64(header.count).littleEndian, Array.init) + header
    self.fileName = fileName
    self.head = head
    self.tensors = zip(tensors, starts).map {
      CheckpointLayout.PlacedTensor(tensor: $0, fileOffset: head.count + $1)
    }
    byteCount = head.count + end
    self.repeatedShard = repeatedShard
  }
}

private func fiveDigits(_ number: Int) -> String {
  let digits = String(number)
  return String(repeating: "0", count: max(0, 5 - digits.count)) + digits
}
