import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@Suite("Histograms")
struct MagnitudeHistogramTests {
  /// Counts values with the builder, in blocks of odd sizes.
  private func histogram(
    _ values: [Float], _ mode: HistogramMode, level: VectorLevel = .best
  ) throws -> MagnitudeHistogram {
    let builder = HistogramBuilder(mode: mode, kernels: try #require(Kernels(level: level)))
    var start = 0
    for size in sequence(first: 1, next: { $0 % 4096 + 97 }) {
      guard start < values.count else { break }
      let end = min(start + min(size, 4096), values.count)
      let block = AlignedBuffer<Float>(count: 4096, fill: 0)
      for index in start..<end { block.pointer[index - start] = values[index] }
      builder.add(block.pointer, count: end - start)
      start = end
    }
    return builder.finish()
  }

  private func exactHistogram(_ values: [Float]) -> MagnitudeHistogram {
    var counts: [UInt32: UInt64] = [:]
    for value in values { counts[value.magnitude.bitPattern, default: 0] += 1 }
    return MagnitudeHistogram(
      counts.sorted { $0.key < $1.key }.map {
        MagnitudeHistogram.Entry(bits: $0.key, count: $0.value)
      })
  }

  private func normals(_ count: Int, seed: UInt64, step: Float = 0) -> [Float] {
    var random = RepeatableGenerator(seed: seed)
    return (0..<count).map { _ in
      let value = (0..<4).reduce(Float(0)) { sum, _ in
        sum + .random(in: -0.001...0.001, using: &random)
      }
      return step > 0 ? (value / step).rounded() * step : value
    }
  }

  @Test("exact modes count every magnitude", arguments: [15, 12], VectorLevel.allCases)
  func exact(shift: Int, level: VectorLevel) throws {
    guard level.isSupported else { return }
    let values = normals(30_000, seed: 1, step: 0x1p-20) + [0, -0.0, 1, -1, .leastNonzeroMagnitude]
    #expect(try histogram(values, .exact(shift: shift), level: level) == exactHistogram(values))
  }

  @Test("more distinct magnitudes than expected turn an exact count into bins, without loss")
  func overflow() throws {
    let values = normals(400_000, seed: 2)
    let counted = try histogram(values, .exact(shift: 15))
    #expect(counted.hasBins && counted.elementCount == values.count)
    #expect(counted.sum == exactHistogram(values).sum)
    #expect(counted == (try histogram(values, .binned)))
  }

  @Test("a builder that overflowed counts the next strip exactly again") func reuse() throws {
    let builder = HistogramBuilder(mode: .exact(shift: 15), kernels: .best)
    for values in [normals(300_000, seed: 3), [0.5, 0.5, 0.25]] {
      for start in stride(from: 0, to: values.count, by: 4096) {
        let block = Array(values[start..<min(start + 4096, values.count)])
        builder.add(block, count: block.count)
      }
      let counted = builder.finish()
      #expect(counted.hasBins == (values.count > 3))
      #expect(counted.sum == exactHistogram(values).sum)
    }
  }

  @Test(
    "what was counted up to now is known by its upper bits, and counting goes on",
    arguments: [15, 12, nil])
  func outline(shift: Int?) throws {
    let mode = shift.map { HistogramMode.exact(shift: $0) } ?? .binned
    let builder = HistogramBuilder(mode: mode, kernels: .best)
    let values = normals(20_000, seed: 5, step: shift == nil ? 0 : 0x1p-18) + [0, -0.0, 1]
    for (end, start) in [(4096, 0), (8192, 4096), (values.count, 8192)] {
      for first in stride(from: start, to: end, by: 4096) {
        let block = Array(values[first..<min(first + 4096, end)])
        builder.add(block, count: block.count)
      }
      var counts: [UInt32: UInt64] = [:]
      for value in values[..<end] {
        counts[value.magnitude.bitPattern >> UInt32(shift ?? 15), default: 0] += 1
      }
      let outline = builder.outline()
      #expect(outline.entries.map(\.bits) == counts.keys.sorted().map { $0 << UInt32(shift ?? 15) })
      #expect(outline.entries.map(\.count) == counts.sorted { $0.key < $1.key }.map(\.value))
    }
    #expect(builder.finish().sum == exactHistogram(values).sum)
  }

  @Test("bins answer after the bins they name are resolved") func resolving() throws {
    let values = normals(20_000, seed: 4)
    let exact = exactHistogram(values)
    var binned = try histogram(values, .binned)
    func answer<T>(_ question: (MagnitudeHistogram) throws(MagnitudeHistogram.Unresolved) -> T) -> T
    {
      while true {
        do throws(MagnitudeHistogram.Unresolved) { return try question(binned) } catch {
          let bin = error.binBits
          let detail = exact.entries.filter {
            $0.bits >= bin && $0.bits < bin + MagnitudeHistogram.binWidth
          }
          let agrees = binned.resolve(binBits: bin, with: detail)
          #expect(agrees)
        }
      }
    }
    for bound in [0, 1e-5, 0.0005, 0.00107, 1.0] {
      let sum = answer { histogram throws(MagnitudeHistogram.Unresolved) in
        try histogram.sum(above: bound)
      }
      #expect(sum == (try exact.sum(above: bound)))
    }
    for rate in [0, 0.1, 0.5, 0.8123, 0.9, 0.99999, 1] {
      let cut = answer { histogram throws(MagnitudeHistogram.Unresolved) in
        try histogram.cut(rate: rate, tieBreak: .spread)
      }
      #expect(cut == (try exact.cut(rate: rate, tieBreak: .spread)))
    }
  }

  @Test("detail that does not agree with the bin is refused") func wrongDetail() throws {
    var binned = MagnitudeHistogram([
      .init(bits: 0x3f80_0000, span: MagnitudeHistogram.binWidth, count: 3, offsetSum: 12)
    ])
    func agrees(_ bits: UInt32, _ count: UInt64) -> Bool {
      binned.resolve(binBits: 0x3f80_0000, with: [.init(bits: bits, count: count)])
    }
    #expect(agrees(0x3f80_0004, 2) == false)
    #expect(agrees(0x3f80_0005, 3) == false)
    #expect(agrees(0x3f80_0004, 3) == true)
    #expect(!binned.hasBins)
  }

  @Test(
    "histograms of strips add up to that of the tensor",
    arguments: [HistogramMode.exact(shift: 15), .binned])
  func merging(mode: HistogramMode) throws {
    let values = normals(50_000, seed: 5, step: 0x1p-18)
    var merged = try histogram(Array(values[..<20_000]), mode)
    merged.merge(try histogram(Array(values[20_000..<20_001]), .exact(shift: 12)))
    merged.merge(try histogram(Array(values[20_001...]), mode))
    let whole = try histogram(values, mode)
    #expect(merged.elementCount == whole.elementCount && merged.sum == whole.sum)
    if case .exact = mode { #expect(merged == whole) }
  }

  @Test("cuts at the edges: nothing, everything, zeros, ties") func cuts() throws {
    let histogram = exactHistogram([0, 0, 0, 1, 1, 2, 2, 2, 3, -3])
    let all = Cut(thresholdBits: 0, above: 7, tied: 0, keptOfTied: 0)
    for rule in TieBreak.allCases {
      #expect(try histogram.cut(rate: 1, tieBreak: rule) == .none)
      #expect(try histogram.cut(rate: 1.5, tieBreak: rule) == .none)
      #expect(try histogram.cut(rate: 0, tieBreak: rule) == all)
      #expect(try histogram.cut(rate: -0.1, tieBreak: rule) == all)
      #expect(try histogram.cut(rate: 0.2, tieBreak: rule) == all)
    }
    // 4 kept of 10: both 3s and two of the three 2s.
    let two = Float(2).bitPattern
    for (rule, kept) in [(TieBreak.spread, 2), (.index, 2), (.drop, 0), (.keep, 3)] {
      #expect(
        try histogram.cut(rate: 0.6, tieBreak: rule)
          == Cut(thresholdBits: two, above: 2, tied: 3, keptOfTied: kept))
    }
    #expect(try exactHistogram([0, 0]).cut(rate: 0.5, tieBreak: .spread).kept == 0)
    #expect(try MagnitudeHistogram([]).cut(rate: 0.5, tieBreak: .spread).kept == 0)
  }

  @Test("floor(rate * n) in Double decides how many stay") func keptCounts() {
    #expect(Cut.keptCount(rate: 0.9, of: 10) == 1)
    #expect(Cut.keptCount(rate: 0.1, of: 3) == 3)
    #expect(Cut.keptCount(rate: 0.7 + 0.1, of: 1000) == 1000 - Int((0.7 + 0.1) * 1000))
  }
}
