import Glibc
import Platform
import Testing

@testable import ModelFamilies

@Suite struct FamilyTests {
  private let tiny: ModelShape

  init() throws {
    tiny = try #require(ModelShape.named["tiny"])
  }

  @Test("The bytes of a checkpoint do not depend on the number of threads", arguments: [2, 3])
  func threads(_ threads: Int) throws {
    let scratch = try Scratch()
    let layout = CheckpointLayout(shape: tiny, type: .bf16, shardBytes: 1 << 30)
    for (name, count) in [("one", 1), ("many", threads)] {
      let writer = FamilyWriter(layout: layout, size: .light, seed: 7, threads: count)
      #expect(
        try writer.write(to: "\(scratch.path)/\(name)", model: 1, force: false).written
          == layout.fileByteCount)
    }
    let one = try File.contents(of: scratch.path + "/one/model.safetensors")
    #expect(try File.contents(of: scratch.path + "/many/model.safetensors") == one)
  }

  @Test("Any part of a tensor is the same as in the whole", arguments: ElementType.allCases)
  func parts(_ type: ElementType) {
    let tensor = ModelTensor("model.layers.0.mlp.up_proj.weight", [3, 1667], .linear(depth: 0.5))
    let source = WeightSource(tensor, type, model: 2, size: .heavy, seed: 1)
    func bytes(_ first: Int, _ count: Int) -> [UInt8] {
      var out = [UInt8](repeating: 0, count: count * type.byteCount)
      out.withUnsafeMutableBytes { source.fill(first: first, count: count, into: $0) }
      return out
    }
    let whole = bytes(0, 5001)
    #expect(bytes(0, 2050) + bytes(2050, 2) + bytes(2052, 2949) == whole)
  }

  @Test("A complete checkpoint is kept, a file of another size is written anew, force writes all")
  func existing() throws {
    let scratch = try Scratch()
    let layout = CheckpointLayout(shape: tiny, type: .bf16, shardBytes: 100_000)
    let writer = FamilyWriter(layout: layout, size: .light, seed: 0, threads: 1)
    func write(force: Bool) throws -> Int {
      try writer.write(to: scratch.path, model: 0, force: force).written
    }
    #expect(layout.shards.count > 1)
    #expect(try write(force: false) == layout.fileByteCount)
    #expect(try write(force: false) == 0)
    let shard = try #require(layout.shards.last)
    try File.replace(scratch.path + "/" + shard.fileName, with: "cut short")
    #expect(try write(force: false) == shard.byteCount)
    #expect(try write(force: true) == layout.fileByteCount)
  }

  @Test("Headers describe the data without holes, and the index names every tensor once")
  func layout() throws {
    let layout = CheckpointLayout(shape: tiny, type: .f32, shardBytes: 200_000)
    var names: Set<String> = []
    for shard in layout.shards {
      let header = try JSON(parsing: Array(shard.head.dropFirst(8)))
      #expect(shard.head.count % 8 == 0)
      #expect(header["__metadata__"]?["format"] == .string("pt"))
      var end = 0
      for placed in shard.tensors {
        let size = placed.tensor.elementCount * 4
        let offsets = header[placed.tensor.name]?["data_offsets"]
        #expect(offsets == .array([.integer(end), .integer(end + size)]))
        #expect(placed.fileOffset == shard.head.count + end)
        #expect(names.insert(placed.tensor.name).inserted)
        end += size
      }
      #expect(shard.byteCount == shard.head.count + end)
    }
    let index = try #require(layout.smallFiles.first { $0.name.hasSuffix("index.json") }).content
    guard case .object(let places) = index["weight_map"] else {
      Issue.record("no weight_map")
      return
    }
    #expect(Set(places.map(\.key)) == names)
    #expect(names.count == 2 * 9 + 3)
    #expect(index["metadata"]?["total_size"]?.integerValue == layout.dataByteCount)
  }

  @Test("Layers that repeat have the data of an earlier one, whatever the file system shares")
  func distinctLayers() throws {
    let scratch = try Scratch()
    var shape = tiny
    shape.layers = 5
    let layout = CheckpointLayout(shape: shape, type: .bf16, distinctLayers: 2)
    #expect(layout.shards.map(\.repeatedShard) == [nil, nil, nil, 1, 2, 1, nil])
    #expect(
      layout.shards.flatMap(\.tensors).map(\.tensor.name).sorted()
        == shape.tensors(of: .bf16).map(\.name).sorted())

    let writer = FamilyWriter(layout: layout, size: .light, seed: 7, threads: 2)
    let outcome = try writer.write(to: scratch.path, model: 1, force: false)
    #expect(outcome.written + outcome.shared == layout.fileByteCount)
    let layers = try layout.shards[1...5].map { shard in
      let bytes = try File.contents(of: scratch.path + "/" + shard.fileName)
      #expect(bytes.count == shard.byteCount)
      #expect(shard.head.count % 4096 == 0 && bytes.starts(with: shard.head))
      return Array(bytes[shard.head.count...])
    }
    #expect(layers[0] != layers[1])
    #expect(layers[2] == layers[0] && layers[3] == layers[1] && layers[4] == layers[0])
    #expect(try writer.write(to: scratch.path, model: 1, force: false).written == 0)
  }

  @Test("Deltas have the mean that was asked for, and tails grow with depth")
  func deltas() {
    func magnitudes(depth: Double, size: DeltaSize) -> (mean: Double, significant: Double) {
      let tensor = ModelTensor("model.layers.0.t.weight", [400_000], .linear(depth: depth))
      func values(_ model: Int) -> [Float] {
        var out = [Float](repeating: 0, count: 400_000)
        out.withUnsafeMutableBytes {
          WeightSource(tensor, .f32, model: model, size: size, seed: 3).fill(
            first: 0, count: 400_000, into: $0)
        }
        return out
      }
      let deltas = zip(values(1), values(0)).map { Double(($0 - $1).magnitude) }
      let sum = deltas.reduce(0, +)
      let mean = sum / 400_000
      return (mean, deltas.filter { $0 > 5 * mean }.reduce(0, +) / sum)
    }
    let first = magnitudes(depth: 0, size: .light)
    let last = magnitudes(depth: 1, size: .light)
    let heavy = magnitudes(depth: 1, size: .heavy)
    #expect((1.45e-4...3.05e-4).contains(first.mean))
    #expect((9.9...10.1).contains(heavy.mean / last.mean))
    #expect(last.significant > 2 * first.significant)
    // A Gaussian has 0.0003 of its mass there.
    #expect(first.significant > 0.001)
  }
}
