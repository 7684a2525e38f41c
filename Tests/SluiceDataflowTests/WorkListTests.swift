@testable import SluiceDataflow
import Testing

@Suite("Lists that threads work through") struct WorkListTests {
  @Test("each element is taken once, whatever the number of threads", arguments: [0, 1, 3, 40])
  func once(threads: Int) throws {
    let taken = Collected<Int>()
    let run = try Graph.forEach(Array(0..<500), "work", threads: threads) { element, node in
      taken.append(element)
      node.count(bytes: element)
    }
    #expect(taken.values.sorted() == Array(0..<500))
    #expect(run.nodes.map(\.name) == (1...max(threads, 1)).map { "work \($0)" })
    #expect(run.nodes.reduce(0) { $0 + $1.byteCount } == 500 * 499 / 2)
  }

  @Test("one thread takes them in the order of the list") func order() throws {
    let taken = Collected<Int>()
    try Graph.forEach([5, 3, 9, 1], "work", threads: 1) { element, _ in taken.append(element) }
    #expect(taken.values == [5, 3, 9, 1])
  }

  @Test("each thread sets up once, and tells what it did at its end") func states() throws {
    let sums = Collected<Int>()
    try Graph.workThrough(Array(1...100), "work", threads: 4) { list, _ in
      var sum = 0
      while let element = try list.next() { sum += element }
      sums.append(sum)
    }
    #expect(sums.values.count == 4)
    #expect(sums.values.reduce(0, +) == 5050)
  }

  @Test("an empty list is worked through at once") func empty() throws {
    let taken = Collected<Int>()
    let run = try Graph.forEach([Int](), "work", threads: 2) { element, _ in taken.append(element) }
    #expect(taken.values.isEmpty)
    #expect(run.nodes.count == 2)
  }

  @Test("an error at one element ends the others before they take another") func failure() throws {
    let (taken, failed) = (Collected<Int>(), Gate())
    #expect(throws: NumberedError(number: 0)) {
      try Graph.workThrough(Array(0..<100), "work", threads: 3) { list, node in
        while let element = try list.next() {
          taken.append(element)
          if element == 0 {
            // Nobody else goes on until this one has failed.
            #expect(eventually { taken.values.count == 3 })
            node.cancellation.cancel(NumberedError(number: 0))
            failed.open()
          }
          failed.pass()
        }
      }
    }
    #expect(taken.values.sorted() == [0, 1, 2])
  }

  @Test("what is made comes in the order of the list", arguments: [1, 3, 40])
  func map(threads: Int) throws {
    let made = try Graph.map(Array(0..<500), "work", threads: threads) { $0 * 3 }
    #expect(made == (0..<500).map { $0 * 3 })
    #expect(try Graph.map([Int](), "work", threads: threads) { $0 }.isEmpty)
    #expect(throws: NumberedError(number: 7)) {
      try Graph.map(Array(0..<500), "work", threads: threads) { element in
        if element == 7 { throw NumberedError(number: 7) }
      }
    }
  }

  @Test("a run that was cancelled before takes nothing") func cancelled() throws {
    let (taken, cancellation) = (Collected<Int>(), Cancellation())
    cancellation.cancel(NumberedError(number: 4))
    #expect(throws: NumberedError(number: 4)) {
      try Graph.forEach([1, 2, 3], "work", threads: 2, cancellation: cancellation) { element, _ in
        taken.append(element)
      }
    }
    #expect(taken.values.isEmpty)
  }

  @Test("what is made is handed on in order, and no more is made ahead", arguments: [0, 1, 3, 40])
  func inOrder(threads: Int) throws {
    let made = Collected<Int>()
    var taken: [Int] = []
    var mostAhead = 0
    try Graph.mapInOrder(Array(0..<300), "work", threads: threads, ahead: 5) { element in
      made.append(element)
      return element * 2
    } take: { value in
      taken.append(value)
      mostAhead = max(mostAhead, made.values.count - taken.count)
    }
    #expect(taken == (0..<300).map { $0 * 2 })
    #expect(mostAhead <= 5)
  }

  @Test("of an empty list nothing is handed on") func emptyInOrder() throws {
    try Graph.mapInOrder([Int](), "work", threads: 2, ahead: 1) {
      $0
    } take: { _ in
      Issue.record("nothing was made")
    }
  }
}
