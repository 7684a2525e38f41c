internal import Glibc
package import SluiceCore

/// What can go wrong in a run apart from the work of its nodes.
package struct DataflowError: SluiceError, Hashable {
  /// The content.
  package var failure: Failure

  /// Wraps a failure.
  package init(_ failure: Failure) { self.failure = failure }

  /// The run was ended on request.
  static func stopped(_ reason: StopReason) -> DataflowError {
    let remedy = "Run the same command again to resume."
    switch reason {
    case .signal(let number):
      return DataflowError(
        Failure(
          exitCode(ofSignal: number), message: "stopped by \(signalName(number))", remedy: remedy))
    case .request(let cause):
      return DataflowError(Failure(.stopped, message: "stopped: \(cause)", remedy: remedy))
    }
  }

  /// The exit code of a process that a signal ended.
  package static func exitCode(ofSignal number: Int32) -> ExitCode {
    switch number {
    case SIGHUP: .hungUp
    case SIGTERM: .terminated
    default: .interrupted
    }
  }

  /// The system has no thread left.
  package static func threadNotStarted(_ name: String, systemError: Int32) -> DataflowError {
    DataflowError(
      Failure(
        .inputOutput, message: "cannot start the thread \(name)",
        remedy: "Use fewer threads, or raise the limit of processes.", systemError: systemError))
  }

  /// The system has no memory left for a pool.
  static func buffersNotAllocated(_ byteCount: Int, systemError: Int32) -> DataflowError {
    DataflowError(
      Failure(
        .inputOutput, message: "cannot allocate \(ByteCount(byteCount)) for buffers",
        remedy: "Set a smaller memory budget.", systemError: systemError))
  }

  /// A lease does not fit into the budget, which is a defect in the plan.
  static func leaseTooLarge(_ byteCount: Int, available: Int) -> DataflowError {
    DataflowError(
      Failure(
        .internal,
        message: "cannot lease \(byteCount) bytes of memory, only \(available) are free"))
  }

  /// The last reader of a channel ended before the elements did, which is a defect in a node.
  static func abandonedChannel(_ name: String) -> DataflowError {
    DataflowError(
      Failure(
        .internal, message: "the readers of the channel \(name) ended before its writers"))
  }
}

private func signalName(_ number: Int32) -> String {
  switch number {
  case SIGINT: "SIGINT"
  case SIGTERM: "SIGTERM"
  case SIGHUP: "SIGHUP"
  case SIGQUIT: "SIGQUIT"
  default: "signal \(number)"
  }
}
