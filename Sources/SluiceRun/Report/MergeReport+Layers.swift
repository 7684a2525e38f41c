internal import SluicePlan
package import SluiceStages

extension MergeReport {
  /// What was done with one linear layer of one model.
  package struct Layer: Sendable {
    /// What the survey found.
    package let statistics: LinearStatistics
    /// The rates, and where they cut.
    package let cuts: LayerCuts
  }

  /// The linear layers of a model that are cut, in byte order of their names: put together when they are asked for, as
  /// there may be ten thousands.
  package struct Layers: Sendable, RandomAccessCollection {
    private let statistics: LayerStatistics
    private let cuts: CutTable
    private let model: Int
    /// The positions of those that are cut among all.
    private let positions: [Int]

    init(_ statistics: LayerStatistics, _ cuts: CutTable, model: Int) {
      (self.statistics, self.cuts, self.model) = (statistics, cuts, model)
      positions = statistics.tasks.indices.filter {
        cuts.has(statistics.tasks[$0].ordinal, model: model)
      }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { positions.count }

    package subscript(index: Int) -> Layer {
      let position = positions[index]
      guard let own = cuts[statistics.tasks[position].ordinal, model] else {
        preconditionFailure("the layers are those that are cut")
      }
      return Layer(statistics: statistics.layers[model][position], cuts: own)
    }
  }
}
