package import SluiceKernels

/// The rates of one linear layer of one model, and where they cut it.
package struct LayerCuts: Sendable, Hashable {
  /// The rate of each partition as the rule gives it, most severe first.
  package let unclampedRates: [Double]
  /// The cut of each partition.
  package let cuts: [Cut]
  /// For each strip and partition, how many elements of earlier strips equal the threshold; empty
  /// for a tensor of one strip.
  package let tiesBefore: [[Int]]

  /// The rate of each partition from 0 to 1, most severe first.
  package var rates: [Double] { unclampedRates.map(LayerCuts.clamp) }

  /// The rate of the least severe partition, from 0 to 1; 0 if there is none.
  package var lastRate: Double { LayerCuts.lastRate(unclampedRates.span) }

  /// The rate of the least severe partition, of rates as the rule gives them.
  package static func lastRate(_ rates: Span<Double>) -> Double {
    rates.isEmpty ? 0 : clamp(rates[rates.count - 1])
  }

  /// How many elements each partition keeps that no more severe one does, most severe first.
  package var keptByRing: [Int] {
    cuts.indices.map { LayerCuts.kept(byRing: $0, of: cuts.span) }
  }

  /// The same of one partition.
  package static func kept(byRing ring: Int, of cuts: Span<Cut>) -> Int {
    cuts[ring].kept - (ring > 0 ? cuts[ring - 1].kept : 0)
  }

  /// How many elements are kept in all.
  package var kept: Int { LayerCuts.kept(cuts.span) }

  /// How many elements cuts keep in all.
  package static func kept(_ cuts: Span<Cut>) -> Int {
    cuts.isEmpty ? 0 : cuts[cuts.count - 1].kept
  }

  /// Finds where rates cut a tensor.
  ///
  /// - Parameters:
  ///   - rates: The rate of each partition, most severe first; clamped to 0 ... 1 here.
  ///   - whole: The magnitudes of the tensor.
  ///   - tieBreak: Which of the elements at a threshold are kept.
  ///   - strips: The histograms of the tensor's strips, in order, if it has more than one.
  /// - Throws: `UnresolvedBins` if bins must be known in detail first.
  package init(
    rates: [Double], whole: some CuttableMagnitudes, tieBreak: TieBreak,
    strips: [MagnitudeHistogram] = []
  ) throws(UnresolvedBins) {
    unclampedRates = rates
    var cuts: [Cut] = []
    cuts.reserveCapacity(rates.count)
    var missing = BinRequest()
    for rate in rates {
      do throws(MagnitudeHistogram.Unresolved) {
        cuts.append(try whole.cut(rate: LayerCuts.clamp(rate), tieBreak: tieBreak))
      } catch {
        missing.add(error.binBits)
      }
    }
    guard missing.bins.isEmpty else { throw UnresolvedBins(request: missing) }
    self.cuts = cuts
    tiesBefore = LayerCuts.countTies(cuts, in: strips)
  }

  /// Takes one cut that no rate stands for.
  ///
  /// - Parameters:
  ///   - cut: The cut.
  ///   - strips: The histograms of the tensor's strips, in order, if it has more than one.
  package init(_ cut: Cut, strips: [MagnitudeHistogram]) {
    unclampedRates = []
    cuts = [cut]
    tiesBefore = LayerCuts.countTies(cuts, in: strips)
  }

  /// Takes cuts that were found before.
  ///
  /// - Parameters:
  ///   - cuts: The cut of each partition.
  ///   - unclampedRates: The rate of each partition as the rule gave it.
  ///   - tiesBefore: For each strip and partition, how many elements of earlier strips equal the threshold.
  package init(_ cuts: [Cut], unclampedRates: [Double], tiesBefore: [[Int]]) {
    self.unclampedRates = unclampedRates
    self.cuts = cuts
    self.tiesBefore = tiesBefore
  }

  /// The cuts as one strip sees them.
  package func cuts(ofStrip strip: Int) -> [StripCut] {
    cuts.enumerated().map { partition, cut in
      StripCut(cut: cut, tiesBefore: tiesBefore.isEmpty ? 0 : tiesBefore[strip][partition])
    }
  }

  /// A rate as the rule gives it, from 0 to 1.
  package static func clamp(_ rate: Double) -> Double { min(max(rate, 0), 1) }

  private static func countTies(_ cuts: [Cut], in strips: [MagnitudeHistogram]) -> [[Int]] {
    guard strips.count > 1 else { return [] }
    var before = Array(repeating: 0, count: cuts.count)
    return strips.map { histogram in
      defer {
        for (partition, cut) in cuts.enumerated() where cut.tied > 0 {
          // Where the whole tensor's magnitudes are exact, so are those of its strips.
          before[partition] += (try? histogram.count(of: cut.thresholdBits)) ?? 0
        }
      }
      return before
    }
  }
}

/// Bins in which a threshold lies.
package struct UnresolvedBins: Error {
  /// The bins to count in detail.
  package let request: BinRequest

  /// Names the bins.
  package init(request: BinRequest) { self.request = request }
}
