@testable import SluiceDataflow
import Testing

@Suite("BoundedChannelStateMachine") struct BoundedChannelStateMachineTests {
  typealias Machine = BoundedChannelStateMachine<Int>

  /// One call, and what must come of it.
  enum Step: Sendable {
    case send(Int, Machine.SendOutcome)
    case receive(Int)
    case receiveEmpty
    case receiveFinished
    case close
    case abandon([Int])
  }

  struct Story: Sendable, CustomTestStringConvertible {
    let testDescription: String
    var byteBound = 2
    let steps: [Step]
  }

  static let stories = [
    Story(testDescription: "nothing in, nothing out", steps: [.receiveEmpty, .receiveEmpty]),
    Story(
      testDescription: "elements come out in order, round the ring more than once",
      steps: [
        .send(1, .accepted), .send(2, .accepted), .receive(1), .send(3, .accepted), .receive(2),
        .send(4, .accepted), .receive(3), .receive(4), .receiveEmpty, .send(5, .accepted),
        .receive(5), .receiveEmpty,
      ]),
    Story(
      testDescription: "a full channel takes the element once there is room",
      steps: [
        .send(1, .accepted), .send(2, .accepted), .send(3, .full), .send(3, .full), .receive(1),
        .send(3, .accepted), .receive(2), .receive(3),
      ]),
    Story(
      testDescription: "room for one", byteBound: 1,
      steps: [.send(1, .accepted), .send(2, .full), .receive(1), .send(2, .accepted), .receive(2)]),
    Story(
      testDescription: "a closed channel is drained before it is finished",
      steps: [
        .send(1, .accepted), .send(2, .accepted), .close, .receive(1), .receive(2),
        .receiveFinished, .receiveFinished,
      ]),
    Story(
      testDescription: "closing twice is closing once",
      steps: [.close, .close, .receiveFinished, .send(1, .closed), .receiveFinished]),
    Story(
      testDescription: "a full closed channel says closed, not full",
      steps: [.send(1, .accepted), .send(2, .accepted), .close, .send(3, .closed)]),
    Story(
      testDescription: "abandoning gives back what is left, oldest first",
      steps: [
        .send(1, .accepted), .send(2, .accepted), .receive(1), .send(3, .accepted),
        .abandon([2, 3]), .send(4, .abandoned), .abandon([]), .receiveEmpty, .close,
        .send(5, .abandoned), .receiveFinished,
      ]),
  ]

  @Test("each step of a story has the outcome that the rules say", arguments: stories)
  func story(_ story: Story) {
    var machine = Machine(byteBound: story.byteBound)
    for (index, step) in story.steps.enumerated() {
      switch step {
      case .send(let number, let expected):
        var element: Int? = number
        #expect(machine.send(&element) == expected, "step \(index)")
        #expect(element == (expected == .accepted ? nil : number), "step \(index)")
      case .receive(let number):
        guard case .element(number) = machine.receive() else {
          Issue.record("step \(index): expected the element \(number)")
          return
        }
      case .receiveEmpty:
        guard case .empty = machine.receive() else {
          Issue.record("step \(index): expected an empty channel")
          return
        }
      case .receiveFinished:
        guard case .finished = machine.receive() else {
          Issue.record("step \(index): expected a finished channel")
          return
        }
      case .close: machine.close()
      case .abandon(let left): #expect(machine.abandon() == left, "step \(index)")
      }
    }
  }

  @Test("counts and the peak tell what went through")
  func counts() {
    var machine = Machine(byteBound: 3)
    for number in 0..<2 {
      var element: Int? = number
      _ = machine.send(&element)
    }
    _ = machine.receive()
    var element: Int? = 7
    _ = machine.send(&element)
    #expect(machine.sentCount == 3)
    #expect(machine.sentByteCount == 3)
    #expect(machine.count == 2)
    #expect(machine.peakByteCount == 2)
  }

  /// An element that holds more than it brings.
  struct Sized: EdgeElement, Equatable {
    let byteCount: Int
    var heldByteCount: Int { byteCount + 2 }
  }

  @Test("elements go in as long as what they hold stays within the bound; one goes in always")
  func bound() {
    var machine = BoundedChannelStateMachine<Sized>(byteBound: 20)
    func send(_ byteCount: Int) -> BoundedChannelStateMachine<Sized>.SendOutcome {
      var element: Sized? = Sized(byteCount: byteCount)
      return machine.send(&element)
    }
    #expect(send(100) == .accepted)
    #expect(send(0) == .full)
    guard case .element(Sized(byteCount: 100)) = machine.receive() else {
      Issue.record("the large element is lost")
      return
    }
    #expect(machine.heldByteCount == 0)
    // Ten small ones fit, more than the ring began with, and come out in order.
    for _ in 0..<3 {
      #expect(send(0) == .accepted)
      _ = machine.receive()
    }
    for _ in 0..<7 { #expect(send(0) == .accepted) }
    #expect(send(3) == .accepted)
    #expect(send(0) == .full)
    #expect(machine.heldByteCount == 19)
    for expected in [0, 0, 0, 0, 0, 0, 0, 3] {
      guard case .element(Sized(byteCount: expected)) = machine.receive() else {
        Issue.record("expected an element of \(expected) bytes")
        return
      }
    }
    #expect((machine.count, machine.heldByteCount, machine.peakByteCount) == (0, 0, 102))
    #expect((machine.sentCount, machine.sentByteCount) == (12, 103))
  }

  @Test("an element that was received is no longer held")
  func elementIsReleased() {
    let census = Probe.Census()
    var machine = BoundedChannelStateMachine<Probe>(byteBound: 2)
    var element: Probe? = Probe(1, census)
    _ = machine.send(&element)
    #expect(census.alive == 1)
    do { _ = machine.receive() }
    #expect(census.alive == 0)
    #expect(machine.count == 0)
  }
}
