"""``bench train``: train the decoder of a peer, which quality results need."""

import argparse
import sys

from bench.commands.options import add_device_argument
from pcakd.commands.parser import path_argument, seed

DEFAULT_RATE = "0.0015"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options."""
    parser.epilog = "example: python -m bench train photowct2 --data photos/ -o runs/photowct2"
    parser.add_argument("peer", metavar="PEER", help="wct2-cat5, wct2-sum, photowct or photowct2")
    parser.add_argument(
        "--data",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="folder of photographs to train on",
    )
    parser.add_argument(
        "-o",
        "--output",
        required=True,
        type=path_argument,
        metavar="DIR",
        help="folder for all written files",
    )
    parser.add_argument(
        "--val",
        type=path_argument,
        metavar="DIR",
        help="folder of photographs, none of them in --data: their reconstructions' PSNR from each "
        "level is written into the card, and into psnr.csv on the way (of at most 24)",
    )
    parser.add_argument(
        "--resume", action="store_true", help="continue from the last checkpoint in --output"
    )
    parser.add_argument(
        "--encoder", default="vgg16", choices=("vgg16", "vgg19"), help="encoder (default: vgg16)"
    )
    parser.add_argument(
        "--weights",
        metavar="SET|FILE",
        help="weights of the encoder: caffe, torchvision, a file of caffe's or torchvision=FILE "
        "(default: caffe)",
    )
    parser.add_argument(
        "--crop", type=int, default=256, metavar="N", help="side of the crops (default: 256)"
    )
    parser.add_argument(
        "--batch", type=int, default=8, metavar="N", help="crops per step (default: 8)"
    )
    parser.add_argument(
        "--basis-images",
        type=int,
        default=200,
        metavar="N",
        help="most photographs to normalise the encoder on (default: 200)",
    )
    parser.add_argument(
        "--steps",
        default="600,2000,3000,4000",
        metavar="N1,N2,N3,N4",
        help="steps of decoder blocks 1 to 4, or N for all (default: 600,2000,3000,4000)",
    )
    parser.add_argument(
        "--rate",
        default=DEFAULT_RATE,
        metavar="R1,R2,R3,R4",
        help="peak learning rates of decoder blocks 1 to 4, or R for all; a rate is the share by "
        f"which a step changes the output of a layer (default: {DEFAULT_RATE})",
    )
    parser.add_argument(
        "--loss-weights",
        default="2,1,0.2",
        metavar="B,C,D",
        help="loss weights of the image, the features of the tap before, and the features of the "
        "decoded image (default: 2,1,0.2)",
    )
    parser.add_argument(
        "--seed", type=seed, default=0, metavar="N", help="random seed (default: 0)"
    )
    add_device_argument(parser, "cpu")


def run(args: argparse.Namespace) -> int:
    """Train, and print the path of the weights.

    Raises:
        PcakdError: An option, a file or a photograph cannot be used.
    """
    from bench.peers.training.recipe import DecoderRecipe, four_schedules
    from bench.peers.training.train import PeerRequest, train_peer
    from pcakd.backbones import split_weights
    from pcakd.commands.options import four_integers, four_rates, read_numbers
    from pcakd.utils.devices import resolve_device

    weight_set, path = split_weights(args.weights, args.encoder)
    image, features, view = read_numbers("--loss-weights", args.loss_weights, float, 3)
    request = PeerRequest(
        peer=args.peer,
        depth=args.encoder,
        weight_set=weight_set,
        weights_path=path,
        data=args.data,
        output=args.output,
        recipe=DecoderRecipe(
            schedules=four_schedules(
                steps=four_integers("--steps", args.steps),
                rates=four_rates("--rate", args.rate),
                batch=args.batch,
                crop=args.crop,
            ),
            loss_weights=(image, features, view),
            basis_images=args.basis_images,
            seed=args.seed,
        ),
        device=resolve_device(args.device),
        resume=args.resume,
        val=args.val,
    )
    sys.stdout.write(f"peer: {train_peer(request)}\n")
    return 0
