import Foundation
import SluiceCore
import SluiceTestSupport
import Testing

@Suite("Families of tiny models") struct ReferenceFamilyTests {
  static let up = "model.layers.0.mlp.up_proj.weight"

  private func delta(_ family: ModelFamily, _ model: Int, _ name: String) throws -> [Float] {
    let tuned = try #require(family.fineTuned[model].model[name]?.floats)
    let base = try #require(family.base[name]?.floats)
    return zip(tuned, base).map { $0 - $1 }
  }

  @Test("Equal specs give equal bytes, another seed other ones")
  func repeatable() {
    let first = FamilySpec(seed: 1).build()
    let again = FamilySpec(seed: 1).build()
    #expect(first.base == again.base)
    #expect(first.fineTuned.map(\.model) == again.fineTuned.map(\.model))
    #expect(FamilySpec(seed: 2).build().base != first.base)
    #expect(FamilySpec.random(seed: 9) == FamilySpec.random(seed: 9))
  }

  @Test("The generator's golden draws do not change")
  func goldenDraws() {
    var generator = RepeatableGenerator(seed: 0)
    // The first values of splitmix64 from state 0.
    #expect(generator.next() == 0xe220_a839_7b1d_cdaf)
    #expect(generator.next() == 0x6e78_9e6a_a1b9_65f4)
  }

  @Test("A model survives every layout on disk", arguments: ShardingLayout.samples)
  func roundTrip(layout: ShardingLayout) throws {
    var spec = FamilySpec(seed: 3)
    spec.hasBiases = true
    spec.hasRotaryBuffer = true
    spec.hasPositions = true
    spec.expertCount = 2
    var base = spec.build().base
    let empty = try #require(TensorShape([0, 3]))
    base.tensors.insert(
      TinyTensor(name: "odd \"\\\n name", dtype: .u8, shape: empty, bytes: []), at: 1)
    let directory = try ScratchDirectory()
    try base.write(to: directory.path, layout: layout)
    #expect(try TinyModel.read(directory.path) == base.sorted)
    let files = try FileManager.default.contentsOfDirectory(atPath: directory.path)
    #expect(files.count { $0.hasSuffix(".safetensors") } == layout.shardCount)
    let hasIndex = layout.shardCount > 1 || layout.hasIndexForOneShard
    #expect(files.contains("model.safetensors.index.json") == hasIndex)
  }

  @Test(
    "Data start where the padding says", arguments: ShardingLayout.Padding.allCases)
  func padding(padding: ShardingLayout.Padding) {
    for length in 1...9 {
      let tensor = TinyTensor(String(repeating: "n", count: length), .f32, values: [1])
      let bytes = TinyModel.safetensors([tensor], padding: padding)
      let start = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
      #expect(bytes.count == start + 4 && Array(bytes[start...]) == tensor.bytes)
      switch padding {
      case .aligned: #expect(start % 8 == 0)
      case .odd: #expect(start % 2 == 1)
      case .none: #expect(bytes[start - 1] == UInt8(ascii: "}"))
      case .wide: #expect(start > 400)
      }
    }
  }

  @Test("The reader refuses holes, stray bytes and headers that end too late")
  func strictReader() throws {
    let good = TinyModel.safetensors([TinyTensor("a", .f32, values: [1, 2])])
    #expect(try TinyModel.parse(good).count == 1)
    #expect(throws: TinyModelError.self) { try TinyModel.parse(good + [0]) }
    #expect(throws: TinyModelError.self) { try TinyModel.parse(good.dropLast()) }
    #expect(throws: TinyModelError.self) { try TinyModel.parse([200] + good.dropFirst()) }
    #expect(throws: TinyModelError.self) { try TinyModel.parse([1, 2]) }
    let text = String(decoding: good, as: Unicode.ASCII.self)
    let hole = Array(text.replacing("[0,8]", with: "[4,8]").replacing("[2]", with: "[1]").utf8)
    #expect(throws: TinyModelError.self) { try TinyModel.parse(hole) }
  }

  @Test("Low drift in BF16 leaves many zeros and ties, heavy drift few; tails give significance")
  func drift() throws {
    var spec = FamilySpec(seed: 4)
    spec.hiddenSize = 64
    spec.intermediateSize = 128
    let family = spec.build()
    let light = Reference.statistics(of: try delta(family, 0, Self.up))
    let heavy = Reference.statistics(of: try delta(family, 1, Self.up))
    #expect(light.zeros > 8192 / 100 && heavy.zeros < light.zeros / 2)
    #expect(light.significance + heavy.significance > 0)
    let distinct = Set(try delta(family, 0, Self.up).map(\.magnitude))
    #expect(distinct.count < 8192 / 4)
  }

  @Test(
    "Special tensors are unchanged, shifted by one amount, or missing",
    arguments: [
      DType.bf16, .f16, .f32, .f64,
    ])
  func special(dtype: DType) throws {
    let down = "model.layers.1.mlp.down_proj.weight"
    let norm = "model.norm.weight"
    var spec = FamilySpec(
      seed: 5,
      fineTunes: [
        FamilySpec.FineTune(
          "math", dtype: dtype, special: [Self.up: .unchanged, down: .shifted, norm: .missing])
      ])
    spec.baseDType = dtype
    let family = spec.build()
    #expect(try delta(family, 0, Self.up).allSatisfy { $0 == 0 })
    let shifts = Set(try delta(family, 0, down))
    #expect(shifts.count == 1 && shifts != [0])
    #expect(family.fineTuned[0].model[norm] == nil && family.base[norm] != nil)
  }

  @Test("Random families cover every dtype, tying, buffer and special case")
  func coverage() {
    let specs = (0..<80 as Range<UInt64>).map { FamilySpec.random(seed: $0) }
    let fineTunes = specs.flatMap(\.fineTunes)
    #expect(Set(specs.map(\.baseDType)) == [.bf16, .f16, .f32, .f64])
    #expect(Set(fineTunes.map(\.dtype)) == [.bf16, .f16, .f32, .f64])
    #expect(Set(specs.map(\.fineTunes.count)) == [1, 2, 3, 4])
    #expect(Set(specs.map(\.layerCount)) == [1, 2, 3, 4])
    #expect(Set(fineTunes.flatMap(\.special.values)) == [.unchanged, .shifted, .missing])
    #expect(specs.contains { $0.hasBiases } && specs.contains { $0.hasPositions })
    #expect(specs.contains { $0.hasRotaryBuffer } && specs.contains { $0.expertCount > 1 })
    #expect(specs.contains { $0.hiddenSize % 2 == 1 } && specs.contains { $0.isBaseTied })
    let mixed = specs.filter { spec in spec.fineTunes.contains { $0.isTied != spec.isBaseTied } }
    #expect(mixed.contains { $0.isBaseTied } && mixed.contains { !$0.isBaseTied })
  }
}
