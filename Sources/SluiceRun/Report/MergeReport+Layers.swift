internal import SluiceFormats
internal import SluiceKernels
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

extension MergeReport.Layer {
  /// Writes the layer's row: numbers one by one, as there may be ten thousands of rows.
  func write(to json: inout JSONWriter) {
    json.beginObject(isOnOneLine: true)
    json.member("name", statistics.name)
    json.member("elements", statistics.elementCount)
    json.member("zeros", statistics.zeroCount)
    json.member("mean", statistics.mean)
    json.member("significance", statistics.significance)
    json.member("rate", cuts.lastRate)
    json.array("rates") { for rate in cuts.rates { $0.value(rate) } }
    json.list("kept", integers: cuts.keptByRing)
    // JSON has no infinity: null where nothing is kept.
    json.array("threshold") { for cut in cuts.cuts { $0.value(Double(cut.threshold)) } }
    json.array("tied") { for cut in cuts.cuts { $0.value(cut.tied) } }
    json.endObject()
  }
}
