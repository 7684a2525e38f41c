// Compares the strategies of `sluice search` on landscapes whose peaks are known:
// how many candidates each evaluates, and how far what it finds lies below the best.
//
//   search-simulation [LANDSCAPES]

let landscapeCount = CommandLine.arguments.dropFirst().first.flatMap { Int($0) } ?? 500

/// A strategy with its settings, as a row of a table.
struct Contender {
  let name: String
  let strategy: FactorSearch.Strategy
  let method: FactorSearch.Method
  var patience = 1
}

/// What came of a strategy on many landscapes.
struct Tally {
  var evaluations = 0
  var worst = 0
  var regret = 0.0
  var near = 0
  var count = 0

  mutating func add(_ evaluated: Int, regret lost: Double) {
    evaluations += evaluated
    worst = max(worst, evaluated)
    regret += lost
    if lost <= 0.005 { near += 1 }
    count += 1
  }
}

let contenders = [
  Contender(name: "paper, method 1", strategy: .paper, method: .first),
  Contender(name: "paper, method 2", strategy: .paper, method: .second),
  Contender(name: "paper, best", strategy: .paper, method: .best),
  Contender(name: "paper, best, patience 2", strategy: .paper, method: .best, patience: 2),
  Contender(name: "golden, method 2", strategy: .golden, method: .second),
  Contender(name: "golden, best", strategy: .golden, method: .best),
  Contender(name: "joint", strategy: .joint, method: .best),
  Contender(name: "joint, patience 3", strategy: .joint, method: .best, patience: 3),
]

/// Searches one landscape; evaluating a candidate again would give the same score.
func search(
  _ contender: Contender, _ landscape: SimulatedLandscape, grid: FactorGrid, noise: Double,
  seed: UInt64
) -> (evaluations: Int, factors: [Double]) {
  var settings = FactorSearch.Settings(grid: grid)
  settings.strategy = contender.strategy
  settings.method = contender.method
  // The bounds that `sluice search` has if nothing is said.
  if contender.strategy != .golden,
    let far = FactorGrid(step: grid.step, bound: FactorGrid.farBound)
  {
    settings.grid = far
  }
  settings.patience = contender.patience
  var search = FactorSearch(settings, partitionCount: landscape.top.count)
  var count = 0
  while search.finding == nil {
    guard let factors = search.requests(limit: 1).first?.factors else { break }
    // The noise belongs to the candidate, whoever asks for it and when.
    var bits = seed
    for value in factors.values { bits = bits &* 31 &+ value.bitPattern }
    var random = RepeatableRandom(seed: bits)
    search.onEvent(factors, score: landscape.score(factors.values) + noise * random.normal())
    count += 1
  }
  return (count, search.finding?.factors.values ?? [])
}

func padded(_ text: String, _ width: Int) -> String {
  String(repeating: " ", count: max(width - text.count, 0)) + text
}

func rounded(_ value: Double, _ digits: Int) -> String {
  var scale = 1.0
  for _ in 0..<digits { scale *= 10 }
  let text = String(Int((value * scale).rounded()))
  let filled = String(repeating: "0", count: max(digits + 1 - text.count, 0)) + text
  return "\(filled.dropLast(digits)).\(filled.suffix(digits))"
}

func compare(
  _ title: String, _ shapes: [SimulatedLandscape.Shape], partitions: Int, grid: FactorGrid,
  highest: Double = 1.8, noise: Double
) {
  print("\n\(title)")
  print("  strategy                   candidates   most   lost, points   within 0.5 points")
  for contender in contenders {
    var tally = Tally()
    for index in 0..<landscapeCount {
      var random = RepeatableRandom(seed: UInt64(index) &* 7919 &+ 17)
      let shape = shapes[index % shapes.count]
      let landscape = SimulatedLandscape(
        shape, partitions: partitions, highest: highest, &random)
      let found = search(contender, landscape, grid: grid, noise: noise, seed: random.next())
      let best = partitions <= 2 ? landscape.best(on: grid) : landscape.score(landscape.top)
      tally.add(found.evaluations, regret: best - landscape.score(found.factors))
    }
    let name = contender.name + String(repeating: " ", count: max(25 - contender.name.count, 0))
    let mean = rounded(Double(tally.evaluations) / Double(tally.count), 1)
    let lost = rounded(100 * tally.regret / Double(tally.count), 2)
    let near = rounded(100 * Double(tally.near) / Double(tally.count), 1)
    print(
      "  \(name)  \(padded(mean, 10))  \(padded("\(tally.worst)", 5))  \(padded(lost, 13))"
        + "  \(padded(near + " %", 18))")
  }
}

/// How many rounds a search takes that evaluates several candidates at once, and how many in all.
func compareJobs(noise: Double) {
  print("\nall shapes, two partitions, step 0.1, noise of \(noise * 100) points, by jobs")
  print("  strategy                   jobs     rounds   candidates")
  guard let grid = FactorGrid() else { return }
  for contender in contenders where contender.patience == 1 {
    for jobs in [1, 2, 4, 8] {
      var (rounds, evaluations) = (0, 0)
      for index in 0..<landscapeCount {
        var random = RepeatableRandom(seed: UInt64(index) &* 7919 &+ 17)
        let shapes = SimulatedLandscape.Shape.allCases
        let landscape = SimulatedLandscape(
          shapes[index % shapes.count], partitions: 2, highest: 1.8, &random)
        var settings = FactorSearch.Settings(grid: grid)
        settings.strategy = contender.strategy
        settings.method = contender.method
        if contender.strategy != .golden, let far = FactorGrid(bound: FactorGrid.farBound) {
          settings.grid = far
        }
        var search = FactorSearch(settings, partitionCount: 2)
        while search.finding == nil {
          let requests = search.requests(limit: jobs)
          if requests.isEmpty { break }
          rounds += 1
          evaluations += requests.count
          for request in requests {
            let score = landscape.score(request.factors.values) + noise * random.normal()
            search.onEvent(request.factors, score: score)
          }
        }
      }
      let name = contender.name + String(repeating: " ", count: max(25 - contender.name.count, 0))
      let share = Double(landscapeCount)
      print(
        "  \(name)  \(padded("\(jobs)", 4))  \(padded(rounded(Double(rounds) / share, 1), 9))"
          + "  \(padded(rounded(Double(evaluations) / share, 1), 11))")
    }
  }
}

print("\(landscapeCount) landscapes each, from fixed seeds")
if let standard = FactorGrid(), let fine = FactorGrid(step: 0.02) {
  for shape in SimulatedLandscape.Shape.allCases {
    compare(
      "\(shape.rawValue), two partitions, step 0.1, no noise", [shape], partitions: 2,
      grid: standard, noise: 0)
  }
  for noise in [0.002, 0.005, 0.01, 0.02] {
    compare(
      "all shapes, two partitions, step 0.1, noise of \(noise * 100) points",
      SimulatedLandscape.Shape.allCases, partitions: 2, grid: standard, noise: noise)
  }
  compare(
    "all shapes, two partitions, step 0.02, no noise", SimulatedLandscape.Shape.allCases,
    partitions: 2, grid: fine, noise: 0)
  compare(
    "all shapes, two partitions, step 0.02, noise of 0.5 points",
    SimulatedLandscape.Shape.allCases, partitions: 2, grid: fine, noise: 0.005)
  compare(
    "peaks of at most 1.3, two partitions, step 0.1, no noise",
    SimulatedLandscape.Shape.allCases, partitions: 2, grid: standard, highest: 1.3, noise: 0)
  compare(
    "all shapes, five partitions, step 0.1, noise of 0.5 points",
    SimulatedLandscape.Shape.allCases, partitions: 5, grid: standard, noise: 0.005)
}
compareJobs(noise: 0)
