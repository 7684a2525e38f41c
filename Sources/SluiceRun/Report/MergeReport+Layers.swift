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
    /// What the survey found of all linear layers.
    private let statistics: [LinearStatistics]
    private let cuts: CutTable
    private let model: Int
    /// Of those that are cut the positions among all, and the ordinals of their tensors.
    private let places: [(position: Int, task: Int)]

    init(_ statistics: LayerStatistics, _ cuts: CutTable, model: Int) {
      (self.cuts, self.model) = (cuts, model)
      self.statistics = statistics.layers[model]
      places = statistics.tasks.enumerated().compactMap { position, task in
        cuts.has(task.ordinal, model: model) ? (position, task.ordinal) : nil
      }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { places.count }

    package subscript(index: Int) -> Layer {
      let (position, task) = places[index]
      guard let own = cuts[task, model] else {
        preconditionFailure("the layers are those that are cut")
      }
      return Layer(statistics: statistics[position], cuts: own)
    }

    /// Looks at layers one after the other where they lie, without a copy of each.
    ///
    /// - Parameters:
    ///   - range: Which of them.
    ///   - body: Takes the position of a layer, what the survey found, its rates as the rule gave them, and its cuts.
    func look(
      at range: Range<Int>,
      _ body: (Int, borrowing LinearStatistics, Span<Double>, Span<Cut>) -> Void
    ) {
      let statistics = statistics.span
      for index in range {
        let (position, task) = places[index]
        cuts.look(at: task, model) { rates, cuts in
          body(index, statistics[position], rates, cuts)
        }
      }
    }

    /// Writes rows of layers: numbers one by one, as there may be ten thousands of rows.
    func write(_ range: Range<Int>, to json: inout JSONWriter) {
      look(at: range) { _, statistics, rates, cuts in
        json.beginObject(isOnOneLine: true)
        json.member("name", statistics.name)
        json.member("elements", statistics.elementCount)
        json.member("zeros", statistics.zeroCount)
        json.member("mean", statistics.mean)
        json.member("significance", statistics.significance)
        json.member("rate", LayerCuts.lastRate(rates))
        json.array("rates") { json in
          for index in rates.indices { json.value(LayerCuts.clamp(rates[index])) }
        }
        json.array("kept") { json in
          for ring in cuts.indices { json.value(LayerCuts.kept(byRing: ring, of: cuts)) }
        }
        // JSON has no infinity: null where nothing is kept.
        json.array("threshold") { json in
          for index in cuts.indices { json.value(Double(cuts[index].threshold)) }
        }
        json.array("tied") { json in
          for index in cuts.indices { json.value(cuts[index].tied) }
        }
        json.endObject()
      }
    }
  }
}
