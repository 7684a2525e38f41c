public import SluiceKernels

/// The rates of one linear layer of one model, and where they cut it.
public struct LayerCuts: Sendable, Hashable {
  /// The rate of each partition as the rule gives it, most severe first.
  public let unclampedRates: [Double]
  /// The cut of each partition.
  public let cuts: [Cut]
  /// For each strip and partition, how many elements of earlier strips equal the threshold; empty
  /// for a tensor of one strip.
  public let tiesBefore: [[Int]]

  /// The rate of each partition from 0 to 1, most severe first.
  public var rates: [Double] { unclampedRates.map(LayerCuts.clamp) }

  /// How many elements each partition keeps that no more severe one does, most severe first.
  public var keptByRing: [Int] {
    cuts.indices.map { $0 == 0 ? cuts[0].kept : cuts[$0].kept - cuts[$0 - 1].kept }
  }

  /// How many elements are kept in all.
  public var kept: Int { cuts.last?.kept ?? 0 }

  /// Finds where rates cut a tensor.
  ///
  /// - Parameters:
  ///   - rates: The rate of each partition, most severe first; clamped to 0 ... 1 here.
  ///   - whole: The spectrum of the tensor.
  ///   - tieBreak: Which of the elements at a threshold are kept.
  ///   - strips: The spectra of the tensor's strips, in order, if it has more than one.
  /// - Throws: `UnresolvedBins` if bins must be known in detail first.
  public init(
    rates: [Double], whole: Spectrum, tieBreak: TieBreak, strips: [Spectrum]
  ) throws(UnresolvedBins) {
    unclampedRates = rates
    var cuts: [Cut] = []
    var missing = BinRequest()
    for rate in rates {
      do throws(Spectrum.Unresolved) {
        cuts.append(try whole.cut(rate: LayerCuts.clamp(rate), tieBreak: tieBreak))
      } catch {
        missing.add(error.binBits)
      }
    }
    guard missing.bins.isEmpty else { throw UnresolvedBins(request: missing) }
    self.cuts = cuts
    tiesBefore = LayerCuts.countTies(cuts, in: strips)
  }

  /// The cuts as one strip sees them.
  ///
  /// - Parameter strip: The position of the strip in the tensor.
  /// - Returns: One cut for each partition.
  public func cuts(ofStrip strip: Int) -> [StripCut] {
    cuts.enumerated().map { partition, cut in
      StripCut(cut: cut, tiesBefore: tiesBefore.isEmpty ? 0 : tiesBefore[strip][partition])
    }
  }

  private static func clamp(_ rate: Double) -> Double { min(max(rate, 0), 1) }

  private static func countTies(_ cuts: [Cut], in strips: [Spectrum]) -> [[Int]] {
    guard strips.count > 1 else { return [] }
    var before = Array(repeating: 0, count: cuts.count)
    return strips.map { spectrum in
      defer {
        for (partition, cut) in cuts.enumerated() where cut.tied > 0 {
          // Where the whole tensor's magnitudes are exact, so are those of its strips.
          before[partition] += (try? spectrum.count(of: cut.thresholdBits)) ?? 0
        }
      }
      return before
    }
  }
}

/// Bins in which a threshold lies.
public struct UnresolvedBins: Error {
  /// The bins to count in detail.
  public let request: BinRequest

  /// Names the bins.
  ///
  /// - Parameter request: The bins to count in detail.
  public init(request: BinRequest) { self.request = request }
}
