import SluiceCore
import SluiceKernels
import SluiceTestSupport
import Testing

@testable import SluiceStages

/// Passes the deltas of one tensor and model through a transform, strip by strip and tile by tile.
struct TransformRun {
  /// Tiles of these lengths follow each other: full ones, and such as come before a border.
  var tileLengths = [1024]
  var stripElements = 1 << 16
  var partitionCount = 1
  var model = 0
  var kernels = Kernels.best
  var task: TensorTask

  init(_ deltas: [Float], name: String = "layers.0.w.weight", columnCount: Int? = nil) {
    task = TensorTask(
      ordinal: 0, name: name, role: .linear, elementCount: deltas.count,
      base: TensorSource(file: 0, dtype: .bf16, byteRange: 0..<deltas.count * 2),
      baseElementCount: deltas.count, fineTuned: [], fineTunedElementCounts: [],
      outputDType: .bf16, outputShard: 0, outputOffset: 0, firstStrip: 0, columnCount: columnCount)
  }

  /// The strips in the order in which they are worked through.
  var strips: [Strip] {
    let granularity = Granularity(stripElements: stripElements, chunkElements: 1 << 16)
    return (0..<granularity.stripCount(of: task.elementCount)).map {
      Strip(task, index: $0, granularity: granularity)
    }
  }

  /// What comes out, with the partitions that keep each element, if the transforms tell any.
  func apply(
    _ transforms: [any DeltaTransform], to deltas: [Float]
  ) throws -> (values: [Float], kept: [[Bool]]) {
    var values = deltas
    var kept = [[Bool]](repeating: [], count: partitionCount)
    // Any lane may get any strip, so each has lanes of its own.
    for strip in strips {
      let lanes = transforms.map { $0.makeLane(model: model, kernels: kernels) }
      for lane in lanes { try lane.begin(strip, statistics: []) }
      let partitions = PartitionMasks(
        count: partitionCount, tileElements: Granularity.grainElements)
      var start = strip.elements.lowerBound
      var turn = 0
      while start < strip.elements.upperBound {
        let count = min(tileLengths[turn % tileLengths.count], strip.elements.upperBound - start)
        turn += 1
        try values.withUnsafeMutableBufferPointer { buffer in
          guard let address = buffer.baseAddress else { return }
          let tile = DeltaTile(
            values: address + start, count: count, firstElement: start, partitions: partitions)
          for lane in lanes where !lane.changesNothing { try lane.apply(to: tile) }
        }
        for partition in 0..<partitionCount {
          for index in 0..<count {
            kept[partition].append(partitions[partition][index / 64] >> UInt64(index % 64) & 1 == 1)
          }
        }
        start += count
      }
    }
    return (values, kept)
  }
}

/// The cuts that the scalar reference finds, as each strip sees them.
struct ReferenceCuts: CutSource {
  let partitionCount: Int
  private let deltas: [Float]
  private let masks: [Reference.Mask]

  init(_ deltas: [Float], _ masks: [Reference.Mask]) {
    self.deltas = deltas
    self.masks = masks
    partitionCount = masks.count
  }

  func cuts(of strip: Strip, model: Int) -> [StripCut] {
    masks.map { mask in
      let above = deltas.count { $0.magnitude > mask.threshold }
      // Zeros are never kept, so a threshold of zero ties with nothing.
      let isZero = mask.threshold == 0
      let cut = Cut(
        thresholdBits: mask.threshold.bitPattern, above: above, tied: isZero ? 0 : mask.tied,
        keptOfTied: isZero ? 0 : mask.isKept.count { $0 } - above)
      let before = deltas[..<strip.elements.lowerBound].count { $0.magnitude == mask.threshold }
      return StripCut(cut: cut, tiesBefore: before)
    }
  }
}

/// Compares numbers bit by bit and, where they differ, says where first rather than printing them all.
func expectSame(
  _ found: [Float], _ expected: [Float], sourceLocation: SourceLocation = #_sourceLocation
) {
  let patterns = (found.map(\.bitPattern), expected.map(\.bitPattern))
  guard patterns.0 != patterns.1 else { return }
  let index = zip(patterns.0, patterns.1).enumerated().first { $0.element.0 != $0.element.1 }?
    .offset
  Issue.record(
    "element \(index ?? min(found.count, expected.count)) of \(expected.count)",
    sourceLocation: sourceLocation)
}
