import SluiceCore
import SluiceFormats
import SluiceTestSupport
import Testing

@Suite struct ShardLayoutTests {
  private func tensor(_ name: String, _ dtype: DType, _ extents: Int...) throws -> PlannedTensor {
    PlannedTensor(name: name, dtype: dtype, shape: try #require(TensorShape(extents)))
  }

  private func model() throws -> [PlannedTensor] {
    var tensors = [
      try tensor("lm_head.weight", .bf16, 64, 64), try tensor("norm", .bf16, 65),
      try tensor("position_ids", .i64, 1, 77), try tensor("scalar", .f32),
      try tensor("empty", .f16, 0, 4), try tensor("mask", .bool, 3), try tensor("inv", .f32, 1024),
    ]
    for layer in 0..<12 {
      tensors.append(try tensor("layers.\(layer).w", .bf16, 64, 64))
      tensors.append(try tensor("layers.\(layer).norm", .f32, 7))
    }
    return tensors
  }

  /// Writes a planned checkpoint whose every tensor holds noise, and opens it.
  private func write(_ layout: ShardLayout, to scratch: ScratchDirectory) throws -> Checkpoint {
    for shard in layout.shards {
      try scratch.write(
        shard.header + noise(shard.byteCount - shard.header.count), to: shard.fileName)
    }
    if let index = layout.index { try scratch.write(index, to: ShardLayout.indexFileName) }
    return try Checkpoint.open(scratch.path)
  }

  @Test("a planned checkpoint opens and holds what was planned", arguments: [1, 20_000, 1 << 40])
  func roundTrip(_ limit: Int) throws {
    let tensors = try model()
    let layout = try ShardLayout.plan(tensors, shardByteLimit: limit)
    let scratch = try ScratchDirectory()
    let checkpoint = try write(layout, to: scratch)
    #expect(checkpoint.tensors.count == tensors.count)
    for tensor in tensors {
      let found = try #require(checkpoint[tensor.name])
      #expect(found.entry.dtype == tensor.dtype && found.entry.shape == tensor.shape)
    }
    #expect(layout.shards.map(\.tensors) == checkpoint.files.map(\.tensors))
    let headers = try checkpoint.files.map { try SafetensorsFile.open($0.path).header }
    #expect(headers.allSatisfy { $0.metadata == ["format": "pt"] })
    #expect(layout.shards.map(\.header.count) == headers.map(\.byteCount))
    let total = tensors.reduce(0) {
      $0 + ($1.dtype.byteCount(ofElements: $1.shape.elementCount) ?? 0)
    }
    #expect(layout.tensorByteCount == total)
    #expect(
      layout.byteCount
        == checkpoint.files.reduce(layout.index?.count ?? 0) { $0 + $1.input.byteCount })
  }

  @Test("whole pages start on pages, everything else at its element's width")
  func alignment() throws {
    for limit in [20_000, 1 << 40] {
      for shard in try ShardLayout.plan(try model(), shardByteLimit: limit).shards {
        #expect(shard.header.count % 4096 == 0)
        for tensor in shard.tensors {
          let width = tensor.byteRange.count % 4096 == 0 ? 4096 : tensor.dtype.bitCount / 8
          #expect(tensor.byteRange.isEmpty || tensor.byteRange.lowerBound % width == 0)
        }
      }
    }
  }

  @Test("the layout does not depend on the order of the tensors")
  func orderIndependence() throws {
    let tensors = try model()
    let layout = try ShardLayout.plan(tensors, shardByteLimit: 20_000)
    #expect(try ShardLayout.plan(tensors.reversed(), shardByteLimit: 20_000) == layout)
    #expect(try ShardLayout.plan(tensors.shuffled(), shardByteLimit: 20_000) == layout)
  }

  @Test("shards are filled in natural order up to the limit, and named as loaders expect")
  func filling() throws {
    let tensors = try [("t.10", 40), ("t.9", 60), ("t.11", 1), ("t.2", 250), ("t.1", 10)].map {
      try tensor($0.0, .u8, $0.1)
    }
    let layout = try ShardLayout.plan(tensors, shardByteLimit: 100)
    #expect(
      layout.shards.map { Set($0.tensors.map(\.name)) }
        == [["t.1"], ["t.2"], ["t.9", "t.10"], ["t.11"]])
    #expect(
      layout.shards.map(\.fileName)
        == (1...4).map { "model-0000\($0)-of-00004.safetensors" })
    let index = String(decoding: try #require(layout.index), as: UTF8.self)
    #expect(
      index == """
        {
          "metadata": {
            "total_size": 361
          },
          "weight_map": {
            "t.1": "model-00001-of-00004.safetensors",
            "t.10": "model-00003-of-00004.safetensors",
            "t.11": "model-00004-of-00004.safetensors",
            "t.2": "model-00002-of-00004.safetensors",
            "t.9": "model-00003-of-00004.safetensors"
          }
        }

        """)
  }

  @Test("one shard has the plain name and no index; no tensors are one empty shard")
  func singleShard() throws {
    for tensors in [[], [try tensor("a", .u8, 3)]] {
      let layout = try ShardLayout.plan(tensors, shardByteLimit: 1)
      #expect(layout.shards.map(\.fileName) == ["model.safetensors"])
      #expect(layout.index == nil)
      let scratch = try ScratchDirectory()
      #expect(try write(layout, to: scratch).tensors.count == tensors.count)
    }
  }

  @Test("names and sizes that cannot be written are refused")
  func refused() throws {
    let bad: [(String, [PlannedTensor])] = [
      ("planned twice", [try tensor("a", .u8, 1), try tensor("a", .f32, 2)]),
      ("cannot have this name", [try tensor("__metadata__", .u8, 1)]),
      ("no whole number of bytes", [try tensor("a", .f4, 3)]),
      ("no whole number of bytes", [try tensor("a", .f64, 1 << 62)]),
      ("fit 63 bits", [try tensor("a", .u8, 1 << 62), try tensor("b", .u8, 1 << 62)]),
    ]
    for (message, tensors) in bad {
      let error = #expect(throws: FormatError.self) {
        try ShardLayout.plan(tensors, shardByteLimit: 1)
      }
      #expect(error?.failure.message.contains(message) == true)
    }
  }
}
