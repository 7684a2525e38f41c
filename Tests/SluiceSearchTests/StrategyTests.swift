import SluiceSearch
import Testing

@Suite("Strategies")
struct StrategyTests {
  @Test(
    "each finds the top of a dome",
    arguments: FactorSearch.Strategy.allCases,
    [[1.3, 1.1], [1.0, 1.1], [1.0, 1.7], [1.0, 1.0], [1.5, 1.4], [1.9, 1.2]])
  func tops(strategy: FactorSearch.Strategy, top: [Double]) throws {
    let outcome = try #require(Landscape.dome(top).search(strategy))
    #expect(outcome.finding.factors == Factors(top))
  }

  @Test("the paper's walk goes up to the first factor that does not improve, ring by ring")
  func walk() throws {
    let outcome = try #require(Landscape.dome([1.2, 1.1]).search(.paper, .first))
    #expect(
      outcome.evaluated
        == [
          [1, 0], [1.1, 0], [1.2, 0], [1.3, 0], [1.2, 1], [1.2, 1.1], [1.2, 1.2],
        ].map { Factors($0) })
    #expect(outcome.finding.method == "1")
    #expect(outcome.finding.path.map(\.factors) == outcome.evaluated)
    let second = try #require(Landscape.dome([1.2, 1.1]).search(.paper, .second))
    #expect(
      second.evaluated
        == [
          [1, 1], [1.1, 1], [1.2, 1], [1.3, 1], [1.2, 1.1], [1.2, 1.2],
        ].map { Factors($0) })
  }

  @Test("a plateau is no improvement")
  func plateau() throws {
    let outcome = try #require(Landscape { _ in 0.5 }.search(.paper, .second))
    #expect(outcome.evaluated == [[1, 1], [1.1, 1], [1, 1.1]].map { Factors($0) })
    #expect(outcome.finding.factors == Factors([1, 1]))
  }

  @Test("patience goes on over a dip, and takes the best of all")
  func patience() throws {
    let scores: [Double: Double] = [1: 0.5, 1.1: 0.6, 1.2: 0.55, 1.3: 0.7, 1.4: 0.6, 1.5: 0.6]
    let landscape = Landscape { scores[$0.values[0]] ?? 0 }
    let hasty = try #require(landscape.search(.paper, partitions: 1))
    #expect(hasty.finding.factors == Factors([1.1]))
    let patient = try #require(landscape.search(.paper, partitions: 1, patience: 2))
    #expect(patient.finding.factors == Factors([1.3]))
    #expect(patient.evaluated.count == 6)
  }

  @Test("for DARE factors go down")
  func downwards() throws {
    let grid = Landscape.grid(bound: 0.1)
    for strategy in FactorSearch.Strategy.allCases {
      let outcome = try #require(
        Landscape.dome([0.7, 0.9]).search(strategy, .second, grid: grid))
      #expect(outcome.finding.factors == Factors([0.7, 0.9]))
      #expect(outcome.evaluated.allSatisfy { $0.values.allSatisfy { $0 <= 1 && $0 >= 0.1 } })
    }
  }

  @Test("the bound is the last factor that is tried")
  func bound() throws {
    for strategy in FactorSearch.Strategy.allCases {
      let outcome = try #require(
        Landscape.dome([9]).search(strategy, partitions: 1, grid: Landscape.grid(bound: 1.4)))
      #expect(outcome.finding.factors == Factors([1.4]))
      #expect(outcome.evaluated.allSatisfy { $0.values[0] <= 1.4 })
    }
  }

  @Test("factors keep six places, and are the same when they are rounded again")
  func rounding() {
    #expect(Factors([0.1234567, -0.0, 2.0000004]).values == [0.123457, 0, 2])
    for value in [1e308, -1.7e308, 1e303, 9.007199254740993e15, 1e9, 999_999_999.123_456_7, 1e-7] {
      let once = Factors([value])
      #expect(once.values[0].isFinite)
      #expect(abs(once.values[0] - value) <= 5e-7)
      #expect(Factors(once.values) == once)
    }
  }

  @Test("best tries both methods and takes the better, without evaluating anything twice")
  func best() throws {
    // The inner partition's best factor depends on whether the outer one is there.
    let landscape = Landscape { factors in
      let top = factors.values[1] == 0 ? 1.1 : 1.4
      let (first, second) = (factors.values[0] - top, factors.values[1] - 1.2)
      return 1 - first * first - second * second
    }
    let outcome = try #require(landscape.search(.paper, .best))
    #expect(outcome.finding.method == "2")
    #expect(outcome.finding.factors == Factors([1.4, 1.2]))
    #expect(Set(outcome.evaluated).count == outcome.evaluated.count)
    #expect(Set(outcome.finding.path.map(\.factors)) == Set(outcome.evaluated))
  }

  @Test(
    "the 5 % rule chooses by the two ends",
    arguments: [(0.55, "1"), (0.56, "2"), (0.45, "1"), (0.4, "2"), (0.5, "1")])
  func rule(whole: Double, method: String) throws {
    // The most severe rate alone scores 0.5, both partitions together `whole`.
    let landscape = Landscape { factors in
      switch factors.values {
      case [1, 0]: 0.5
      case [1, 1]: whole
      default: 0.1
      }
    }
    let outcome = try #require(landscape.search(.paper, .rule5))
    #expect(outcome.finding.method == method)
    #expect(outcome.evaluated.prefix(2) == [Factors([1, 0]), Factors([1, 1])])
  }

  @Test("with one partition both methods are the same", arguments: FactorSearch.Method.allCases)
  func single(method: FactorSearch.Method) throws {
    let outcome = try #require(Landscape.dome([1.2]).search(.paper, method, partitions: 1))
    #expect(outcome.evaluated == [[1], [1.1], [1.2], [1.3]].map { Factors($0) })
  }

  @Test("sections take no more than the smallest number that is proved to be enough")
  func sectionCounts() throws {
    let counts = [
      (1.1, 2), (1.2, 3), (1.4, 4), (1.6, 4), (1.7, 5), (2.0, 5), (3.0, 7), (11.0, 10),
    ]
    for (bound, most) in counts {
      let grid = Landscape.grid(bound: bound)
      for position in 0..<grid.count {
        let landscape = Landscape.dome([grid.factor(position)])
        let outcome = try #require(landscape.search(.golden, partitions: 1, grid: grid))
        #expect(outcome.finding.factors == Factors([grid.factor(position)]))
        #expect(outcome.evaluated.count <= most, "\(bound) \(position)")
      }
    }
  }

  @Test("five partitions are found one by one and together")
  func many() throws {
    let top = [1.3, 1.2, 1.4, 1.0, 1.1]
    for strategy in FactorSearch.Strategy.allCases {
      let landscape = Landscape.dome(top)
      let outcome = try #require(landscape.search(strategy, .second, partitions: 5))
      // A surface with 21 terms need not be known to the last step.
      let least = strategy == .joint ? 0.99 : 1
      #expect(landscape.score(outcome.finding.factors) >= least, "\(strategy)")
    }
  }

  @Test(
    "several jobs find what one finds", arguments: FactorSearch.Strategy.allCases, [2, 3, 8])
  func jobs(strategy: FactorSearch.Strategy, jobs: Int) throws {
    let landscape = Landscape.dome([1.4, 1.2], tilt: 0.3)
    let one = try #require(landscape.search(strategy))
    let several = try #require(landscape.search(strategy, jobs: jobs))
    #expect(several.finding == one.finding)
    #expect(Set(several.evaluated).count == several.evaluated.count)
  }

  @Test("what is needed is asked for first, and what is pending not again")
  func requests() {
    let search = FactorSearch(FactorSearch.Settings(grid: Landscape.standard), partitionCount: 2)
    // The two methods begin apart from each other; guesses follow.
    let requests = search.requests(limit: 4)
    #expect(requests.prefix(2).map(\.factors) == [Factors([1, 0]), Factors([1, 1])])
    #expect(requests.map(\.isNeeded) == [true, true, false, false])
    let rest = search.requests(limit: 4, pending: [Factors([1, 0])])
    #expect(!rest.map(\.factors).contains(Factors([1, 0])))
    #expect(rest.first?.factors == Factors([1, 1]))
  }

  @Test("scores told before the search begins are not asked for again")
  func resumed() throws {
    let landscape = Landscape.dome([1.3, 1.1])
    let whole = try #require(landscape.search(.paper))
    var search = FactorSearch(FactorSearch.Settings(grid: Landscape.standard), partitionCount: 2)
    for factors in whole.evaluated.dropLast() {
      search.onEvent(factors, score: landscape.score(factors))
    }
    let needed = search.requests(limit: 9).filter(\.isNeeded).map(\.factors)
    #expect(needed == whole.evaluated.suffix(1))
  }
}
