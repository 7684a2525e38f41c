package import SluiceKernels

/// How many of a tensor's deltas stay.
package enum Band {
  /// The numbers of largest deltas that the cuts of a tensor keep, for `BandStage`.
  ///
  /// Formula, int() being what a Double is cut to: the largest max(1, int(density n)) of n; with a share gamma of the
  /// largest that is dropped, keep = int(density n), top = int(gamma n) and low = max(0, n - keep - top), and of the deltas
  /// from the smallest on those at low ... low + keep - 1. A density of 0 or less keeps nothing.
  ///
  /// - Parameters:
  ///   - elementCount: How many deltas there are.
  ///   - density: The share that stays.
  ///   - gamma: The share of the largest that is dropped; nil where the largest stay.
  /// - Returns: One number, or two, the smaller first; none if all stay.
  package static func kept(of elementCount: Int, density: Double, gamma: Double?) -> [Int] {
    guard density < 1 else { return [] }
    let share = Int(max(density, 0) * Double(elementCount))
    guard density > 0, elementCount > 0 else { return [0] }
    guard let gamma else { return [max(1, share)] }
    guard share > 0 else { return [0] }
    let low = max(0, elementCount - share - Int(gamma * Double(elementCount)))
    let dropped = elementCount - low - share
    return dropped > 0 ? [dropped, elementCount - low] : [elementCount - low]
  }
}

/// Keeps of each tensor the deltas whose magnitudes lie in a band, exactly as many as asked for.
///
/// The cut source gives for each tensor either one cut, and what it keeps stays; or two, and what the first keeps
/// is dropped again: the largest. Without a cut a tensor stays as it is. Which of several elements at a cut are
/// kept is spread evenly over the tensor, as everywhere here.
/// Source: TIES (arXiv 2306.01708), section 4, step 1; the breadcrumbs (arXiv 2312.06795).
package struct BandStage: DeltaTransform {
  private let cuts: any CutSource

  /// Makes the stage.
  package init(cuts: any CutSource) { self.cuts = cuts }

  /// The name in plans.
  package var name: String { "band" }
  /// All tensors that are merged.
  package var scope: TransformScope { .all }
  /// Room for the bits of both cuts.
  package var needs: StageNeeds { StageNeeds(laneByteCount: 2 * Granularity.tileElements / 8) }

  /// Makes the part that works in one lane on one model.
  package func makeLane(model: Int, kernels: Kernels) -> any LaneTransform {
    Lane(cuts: cuts, model: model, kernels: kernels)
  }

  private final class Lane: LaneTransform {
    private let cuts: any CutSource
    private let model: Int
    private let kernels: Kernels
    private let keep = AlignedBuffer<UInt64>(count: Granularity.tileElements / 64, fill: 0)
    private let drop = AlignedBuffer<UInt64>(count: Granularity.tileElements / 64, fill: 0)
    private var cursors: [TieCursor] = []

    init(cuts: any CutSource, model: Int, kernels: Kernels) {
      self.cuts = cuts
      self.model = model
      self.kernels = kernels
    }

    func begin(_ strip: Strip, statistics: [Double]) {
      cursors = cuts.cuts(of: strip, model: model).map { stripCut in
        TieCursor(stripCut.cut, tieBreak: .spread, tiesBefore: stripCut.tiesBefore)
      }
    }

    var changesNothing: Bool { cursors.isEmpty }

    func apply(to tile: DeltaTile) {
      for start in stride(from: 0, to: tile.count, by: Granularity.tileElements) {
        let count = min(Granularity.tileElements, tile.count - start)
        // SAFETY: a piece has no more elements than the words, and lies in the tile.
        let values = unsafe tile.values + start
        let last = cursors.count - 1
        _ = unsafe kernels.select(values, count: count, cursor: &cursors[last], keep: keep.pointer)
        if last > 0 {
          _ = unsafe kernels.select(values, count: count, cursor: &cursors[0], keep: drop.pointer)
          for word in 0..<(count + 63) / 64 {
            unsafe keep.pointer[word] &= ~drop.pointer[word]
          }
        }
        unsafe kernels.applyMask(values, count: count, keep: keep.pointer)
      }
    }
  }
}
